"""S02: addresses that lead where nothing is fetched from, and servers that give more or longer than is taken."""

from __future__ import annotations

import gzip
import io
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pipeline import InvalidInput, Permanent, Transient
from pipeline.errors import Timeout
from pipeline.fetching import AddressRefused, Fetcher, FetchSettings
from tests.support.site import Connects, Site, page, redirect, streamed

CONNECTS = Connects()

#: Names that a resolver of somebody's own leads to places of ours.
NAMES = {
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "localtest.example": ["::1"],
    "meta.example": ["169.254.169.254"],
    "ten.example": ["10.0.0.5"],
    "carrier.example": ["100.64.1.1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "mixed6.example": ["2606:2800:220:1:248:1893:25c8:1946", "fd00::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::1"],
    "teredo.example": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "zero.example": ["0.0.0.0"],
    "all.example": ["255.255.255.255"],
    "cast.example": ["224.0.0.1"],
    "localhost": ["127.0.0.1", "::1"],
    "intranet": ["192.168.1.10"],
    "azure.example": ["168.63.129.16"],
    "old.example": ["240.0.0.1"],
}

#: ``P`` is the port of the canary on loopback.
_TABLE = """
http://127.0.0.1:P/                     http://127.1:P/                         http://127.0.1:P/
http://2130706433:P/                    http://0x7f000001:P/                    http://0x7f.0.0.1:P/
http://0x7f.1:P/                        http://017700000001:P/                  http://0177.0.0.1:P/
http://0177.0.0.01:P/                   http://127.0.0.1.:P/                    http://127.0.0.1..:P/
http://00000127.0.0.1:P/                http://127.0.0.0x1:P/                   http://0:P/
http://0.0.0.0:P/                       http://00:P/                            http://255.255.255.255:P/
http://localhost:P/                     http://LOCALHOST.:P/                    http://127.255.255.254:P/
http://[::1]:P/                         http://[::]:P/                          http://[0:0:0:0:0:0:0:1]:P/
http://[::ffff:127.0.0.1]:P/            http://[::ffff:7f00:1]:P/               http://[::127.0.0.1]:P/
http://[::ffff:0:127.0.0.1]:P/          http://[64:ff9b::127.0.0.1]:P/          http://[64:ff9b:1::7f00:1]:P/
http://[2002:7f00:1::]:P/               http://[2001:0:7f00:1::]:P/             http://[fe80::1%25lo]:P/
http://[fe80::1]:P/                     http://[fd00:ec2::254]/                 http://[fc00::1]:P/
http://[fec0::1]:P/                     http://[ff02::1]:P/                     http://[2001:db8::1]:P/
http://[3fff::1]:P/                     http://[::1                             http://[v1.x]:P/
http://169.254.169.254/latest/          http://2852039166/latest/               http://0xa9fea9fe/latest/
http://[::ffff:a9fe:a9fe]/latest/       http://168.63.129.16/                   http://100.100.100.200/
http://10.0.0.1:P/                      http://172.16.0.1:P/                    http://192.168.0.1:P/
http://100.64.0.1:P/                    http://192.0.0.192/                     http://198.18.0.1/
http://192.0.2.1/                       http://224.0.0.1/                       http://240.0.0.1/
http://127.0.0.1.nip.example:P/         http://localtest.example:P/             http://meta.example/
http://ten.example/                     http://carrier.example/                 http://mixed.example:P/
http://mixed6.example:P/                http://mapped.example:P/                http://nat64.example:P/
http://sixtofour.example:P/             http://teredo.example/                  http://zero.example:P/
http://all.example/                     http://cast.example/                    http://intranet/
http://azure.example/                   http://old.example/                     https://localhost:P/
http://user@127.0.0.1:P/                http://user:word@example.com/           http://example.com@127.0.0.1:P/
http://example.com:80@127.0.0.1:P/      http://127.0.0.1:P\\@example.com/       http://example.com\\@127.0.0.1:P/
http://ten.example/#@example.com        http://127.0.0.1%2e:P/                  http://%31%32%37.0.0.1:P/
http://１２７.０.０.１:P/                     http://①②⑦.⓪.⓪.①:P/                     http://127。0。0。1:P/
http://ⓛocalhost:P/                     http://exam_ple..com/                   http://-example.com/
http://xn--/                            http://xn--zzzzzzzzz99999999/           http://example.com:0/
http://example.com:65536/               http://example.com:8o/                  http://example.com:22/
http://example.com:6379/                http://example.com:/                    http:///127.0.0.1:P/
http:127.0.0.1:P/                       //127.0.0.1:P/                          127.0.0.1:P/
file:///etc/passwd                      gopher://127.0.0.1:P/_x                 ftp://127.0.0.1:P/x
dict://127.0.0.1:P/                     ldap://127.0.0.1:P/                     data:text/plain,x
javascript:alert(1)                     unix:///run/redis.sock                  jar:http://127.0.0.1:P/!/
"""
HOSTILE = _TABLE.split()


def resolve(host: str) -> list[str]:
    """Know the hostile names, and that everything else is public."""
    return NAMES.get(host, ["93.184.216.34"])


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A web site that must not be reached, until a test allows it."""
    with Site() as running:
        yield running


def settings(site: Site, **more: Any) -> FetchSettings:
    """Nothing speaks against the port of the site; only its address does."""
    return FetchSettings(**{"allowed_ports": (80, 443, site.port), **more})


def opened(site: Site, **more: Any) -> Fetcher:
    """Let a site on 127.0.0.1 be fetched from, as a deployment with an intranet would."""
    return Fetcher(settings(site, private_networks=("127.0.0.1/32",), **more), resolve=lambda _: ["127.0.0.1"])


def test_there_are_sixty_hostile_addresses() -> None:
    """The list is as long as is said, and nothing stands in it twice."""
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.mark.parametrize("address", HOSTILE)
def test_a_hostile_address_is_refused_without_a_connect(site: Site, address: str) -> None:
    """The failure is permanent, names the field and not the place, and nothing is connected to, wherever it lies."""
    asked = address.replace(":P", f":{site.port}")
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused) as refused:
        Fetcher(settings(site), resolve=resolve).fetch(asked, io.BytesIO())
    assert connects == []
    assert isinstance(refused.value, InvalidInput)
    assert refused.value.field == "address"
    hidden = [ip for name, ips in NAMES.items() for ip in ips if name in asked and ip not in asked]
    assert not any(ip in str(refused.value) for ip in hidden)


SAID = {
    "http://ada:word@93.184.216.34/": "a user or a password",
    "http://93.184.216.34@ten.example/": "a user or a password",
    "http://example.com\\x/": "a backslash",
    "http://９３.184.216.34/": "unusual spelling",
    "http://0x5db8d822/": "unusual spelling",
    "http://[fe80::1%25eth0]/": "a zone",
    "http://[::ffff:93.184.216.34]/": "an IPv4 address inside an IPv6 one",
    "http://meta.example/": "the metadata service of a cloud",
    "http://ten.example/": "a private network",
    "http://localhost/": "this machine",
    "ftp://example.com/": "only https and http",
}


@pytest.mark.parametrize(("address", "told"), SAID.items())
def test_a_refusal_says_what_is_wrong_with_the_address(site: Site, address: str, told: str) -> None:
    """Also where it would lead to a public place: each of the questions is asked by itself."""
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused, match=told):
        Fetcher(settings(site), resolve=resolve).fetch(address, io.BytesIO())
    assert connects == []


@pytest.mark.parametrize("character", ["\n", "\r\n", "\t", "\0", "\x7f", "\x85", "\ud800"])
def test_no_control_character_gets_into_a_request(site: Site, character: str) -> None:
    """A line of the request cannot be ended from within an address."""
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused, match="control"):
        opened(site).fetch(f"http://127.0.0.1:{site.port}/{character}Host: x", io.BytesIO())
    assert connects == []


HOPS = (
    "http://127.0.0.2:P/",
    "http://localhost:P/",
    "//127.0.0.2:P/x",
    "http://0x7f000001:P/",
    "http://169.254.169.254/latest/",
    "file:///etc/passwd",
    "http://user:word@127.0.0.1:P/",
    "http://[::ffff:127.0.0.1]:P/",
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", HOPS)
def test_every_redirect_is_asked_the_same_questions(site: Site, status: int, location: str) -> None:
    """An allowed place cannot send the fetcher to one that is not."""
    site.pages["/away"] = redirect(location.replace("P/", f"{site.port}/"), status)
    fetcher = Fetcher(
        settings(site, private_networks=("127.0.0.1/32",)),
        resolve=lambda host: ["127.0.0.2"] if host == "localhost" else ["127.0.0.1"],
    )
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused):
        fetcher.fetch(f"http://site.example:{site.port}/away", io.BytesIO())
    assert connects == [("127.0.0.1", site.port)]


def test_a_name_that_changes_its_address_in_between_gains_nothing(site: Site) -> None:
    """It is resolved once, and what was checked is what is connected to."""
    site.pages["/x"] = page(b"inside")
    answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]
    asked = []

    def rebinding(host: str) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    fetcher = Fetcher(settings(site, private_networks=("127.0.0.1/32",)), resolve=rebinding)
    into = io.BytesIO()
    with CONNECTS.watched() as connects:
        fetcher.fetch(f"http://rebind.example:{site.port}/x", into)
    assert (into.getvalue(), asked, connects) == (b"inside", ["rebind.example"], [("127.0.0.1", site.port)])
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused, match="this machine"):
        fetcher.fetch(f"http://rebind.example:{site.port}/x", into)
    assert connects == []


def test_a_redirect_to_the_same_name_is_resolved_and_checked_again(site: Site) -> None:
    """The second answer of the resolver counts for the second connection."""
    site.pages["/again"] = redirect("/x")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    fetcher = Fetcher(settings(site, private_networks=("127.0.0.1/32",)), resolve=lambda _: next(answers))
    with CONNECTS.watched() as connects, pytest.raises(AddressRefused):
        fetcher.fetch(f"http://rebind.example:{site.port}/again", io.BytesIO())
    assert connects == [("127.0.0.1", site.port)]


def test_redirects_end(site: Site) -> None:
    """Five are followed, a sixth is not, and a circle is seen at once."""
    for n in range(8):
        site.pages[f"/hop{n}"] = redirect(f"hop{n + 1}")
    site.pages["/hop8"] = page(b"there")
    site.pages["/circle"] = redirect("/circle?a")
    site.requests.clear()
    with pytest.raises(AddressRefused, match="too many redirects"):
        opened(site).fetch(f"http://127.0.0.1:{site.port}/hop0", io.BytesIO())
    assert len(site.requests) == 6
    assert opened(site).fetch(f"http://127.0.0.1:{site.port}/hop3", io.BytesIO()).bytes == 5
    site.requests.clear()
    with pytest.raises(AddressRefused, match="circle"):
        opened(site).fetch(f"http://127.0.0.1:{site.port}/circle", io.BytesIO())
    assert len(site.requests) == 2


def test_what_is_too_large_is_refused_and_not_read(site: Site) -> None:
    """By what it says, by what comes if it says nothing, and by what it becomes when it is unpacked."""
    block = b"x" * (1024 * 1024)
    came = []

    def blocks(first: bytes = block) -> Iterator[bytes]:
        for _ in range(40):
            came.append(1)
            yield first

    site.pages["/said"] = page(b"", content_length=str(26 * 1024 * 1024))
    site.pages["/streamed"] = streamed(blocks())
    bomb = gzip.compress(block * 30, 6)
    assert len(bomb) < 1024 * 1024
    site.pages["/bomb"] = page(bomb, content_encoding="gzip")
    site.pages["/chain"] = page(gzip.compress(block, 6) * 30, content_encoding="gzip")
    for path in ("/said", "/streamed", "/bomb", "/chain"):
        into = io.BytesIO()
        with pytest.raises(AddressRefused, match="larger than 25 MB"):
            opened(site).fetch(f"http://127.0.0.1:{site.port}{path}", into)
        assert len(into.getvalue()) <= 25 * 1024 * 1024
    assert len(came) < 40
    noise = os.urandom(1000)  # which packing makes longer
    for path in ("/noise", "/less"):
        site.pages[path] = streamed(iter([gzip.compress(noise)]), content_encoding="gzip")
    with pytest.raises(AddressRefused, match="larger"):
        opened(site, max_bytes=1000).fetch(f"http://127.0.0.1:{site.port}/noise", io.BytesIO())
    assert opened(site, max_bytes=1100).fetch(f"http://127.0.0.1:{site.port}/less", io.BytesIO()).bytes == 1000
    site.pages["/nothing"] = streamed(iter([gzip.compress(b"") * 50_000]), content_encoding="gzip")
    with pytest.raises(Permanent, match="more parts"):
        opened(site).fetch(f"http://127.0.0.1:{site.port}/nothing", io.BytesIO())


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "compress"])
def test_only_what_can_be_unpacked_within_bounds_is_taken(site: Site, encoding: str) -> None:
    """Any other encoding was not asked for."""
    site.pages["/coded"] = page(gzip.compress(gzip.compress(b"x")), content_encoding=encoding)
    with pytest.raises(Exception, match="encoding that was not asked for"):
        opened(site).fetch(f"http://127.0.0.1:{site.port}/coded", io.BytesIO())


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_server_that_trickles_is_left_at_the_deadline(site: Site, part: str) -> None:
    """Each byte comes in time, and all of them do not."""

    def trickle(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if part == "headers" else b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.02)

    site.pages["/slow"] = trickle
    began = time.monotonic()
    with pytest.raises(Timeout, match=r"in time: it took longer than 0\.3 s"):
        opened(site, timeout=timedelta(seconds=0.3)).fetch(f"http://127.0.0.1:{site.port}/slow", io.BytesIO())
    assert time.monotonic() - began < 2


def test_a_resolver_that_does_not_answer_is_left_at_the_deadline(site: Site) -> None:
    """The system's resolver may take longer than anybody waits."""
    hold = time.sleep

    def slow(_: str) -> list[str]:
        hold(1)
        return ["127.0.0.1"]

    with pytest.raises(Timeout, match="was not resolved in time"):
        Fetcher(settings(site, timeout=timedelta(seconds=0.2)), resolve=slow).fetch("http://a.example/", io.BytesIO())


def test_an_answer_that_breaks_off_is_no_document(site: Site) -> None:
    """Cut short by its length, in a chunk, or within what is packed: it may come whole another time."""
    packed = gzip.compress(b"x" * 1000)
    site.pages["/short"] = page(b"half", content_length="8", connection="close")
    site.pages["/cut"] = page(packed[:-9], content_encoding="gzip")

    def closing(handler: Any) -> None:
        page(b"half", content_length="8")(handler)
        handler.close_connection = True

    site.pages["/short"] = closing
    for path in ("/short", "/cut"):
        with pytest.raises(Transient, match="broke off"):
            opened(site).fetch(f"http://127.0.0.1:{site.port}{path}", io.BytesIO())
