"""What is fetched by address: from where it may be, under its name, and what is told when it is not there."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import ipaddress
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors.study.documents import extract_document
from actors.study.material import DocumentSource
from pipeline import Cancelled, InvalidInput, Permanent, RateLimited, Transient, sections
from pipeline.blobs import Blobs, set_blobs
from pipeline.classification import classify
from pipeline.environment import SettingsError
from pipeline.errors import Failure, Timeout
from pipeline.fetching import AddressRefused, Fetcher, FetchSettings, name_of, read_address
from pipeline.fetching.networks import why_not
from pipeline.testing import MemoryJournal, run_inline
from tests.support import papers
from tests.support.site import Site, page, redirect

LOOPBACK = ("127.0.0.0/8", "::1/128")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A web site that the settings allow."""
    with Site() as running:
        yield running


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    """A blob store of its own."""
    store = Blobs(tmp_path / "blobs")
    set_blobs(store)
    yield store
    set_blobs(None)


def fetcher(port: int, **more: Any) -> Fetcher:
    """Resolve every name to the site."""
    return Fetcher(
        FetchSettings(**{"allowed_ports": (port,), "private_networks": LOOPBACK, **more}),
        resolve=lambda _: ["127.0.0.1"],
    )


def fetched(site: Site, address: str, **more: Any) -> bytes:
    into = io.BytesIO()
    fetcher(site.port, **more).fetch(address.replace(":P", f":{site.port}"), into)
    return into.getvalue()


LEGAL = {
    "http://papers.example:P/a.pdf": ("papers.example:P", "/a.pdf"),
    "HTTP://Papers.EXAMPLE:P": ("papers.example:P", "/"),
    "http://papers.example.:P/a?b=c&d=%20#e": ("papers.example:P", "/a?b=c&d=%20"),
    "http://a.b.c.papers.example:P/x/../y": ("a.b.c.papers.example:P", "/x/../y"),
    "http://bücher.example:P/": ("xn--bcher-kva.example:P", "/"),
    "http://xn--bcher-kva.example:P/": ("xn--bcher-kva.example:P", "/"),
    "http://papers.example:P/blätter und blüten.pdf": ("papers.example:P", "/bl%C3%A4tter%20und%20bl%C3%BCten.pdf"),
    "http://papers.example:P?q=1": ("papers.example:P", "/?q=1"),
    "http://127.0.0.1:P/b": ("127.0.0.1:P", "/b"),
    "http://127.0.0.9:P/b": ("127.0.0.9:P", "/b"),
    "http://with_line.example:P/@b:c;d='e'": ("with_line.example:P", "/@b:c;d='e'"),
}


@pytest.mark.parametrize("address", LEGAL)
def test_what_may_be_fetched_is_asked_for_by_its_name(address: str) -> None:
    """Plainly: host and path in their one spelling, no cookie, no proxy, nothing about us but the name."""
    with Site("0.0.0.0" if "127.0.0.9" in address else "127.0.0.1") as site:
        host, target = LEGAL[address]
        site.pages[target.partition("?")[0]] = page(b"a document")
        assert fetched(site, address) == b"a document"
        path, headers = site.requests[0]
        assert (headers["host"], path) == (host.replace(":P", f":{site.port}"), target)
        assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_a_place_of_ip_version_6_is_asked_in_brackets() -> None:
    """As the header Host wants it."""
    with Site("::1") as site:
        site.pages["/"] = page(b"six")
        assert fetched(site, "http://[0:0::1]:P/") == b"six"
        assert site.requests[0][1]["host"] == f"[::1]:{site.port}"


def test_the_next_address_of_a_host_is_tried(site: Site) -> None:
    """A machine that is off does not hide the one that is on."""
    site.pages["/x"] = page(b"second")
    into = io.BytesIO()
    settings = FetchSettings(allowed_ports=(site.port,), private_networks=LOOPBACK)
    Fetcher(settings, resolve=lambda _: ["127.0.0.66", "127.0.0.1"]).fetch(f"http://a.example:{site.port}/x", into)
    assert into.getvalue() == b"second"


def test_proxies_and_cookies_are_left_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment would see every address; a cookie would come back after a redirect."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.pages["/set"] = page(b"", 302, location="/got", set_cookie="a=b")
    site.pages["/got"] = page(b"got")
    site.requests.clear()
    assert fetched(site, "http://a.example:P/set") == b"got"
    assert [("cookie" in headers, path) for path, headers in site.requests] == [(False, "/set"), (False, "/got")]


def test_what_is_packed_is_unpacked(site: Site) -> None:
    """One member, several, or none at all."""
    site.pages["/one"] = page(gzip.compress(b"one" * 100_000), content_encoding="gzip")
    site.pages["/two"] = page(gzip.compress(b"two") + gzip.compress(b"!") + b"\0\0", content_encoding="GZIP")
    site.pages["/none"] = page(b"", content_encoding="gzip")
    site.pages["/lie"] = page(b"plain", content_encoding="gzip")
    assert fetched(site, "http://a.example:P/one") == b"one" * 100_000
    assert fetched(site, "http://a.example:P/two") == b"two!"
    assert fetched(site, "http://a.example:P/none") == b""
    with pytest.raises(Permanent, match="packed with gzip, and is not"):
        fetched(site, "http://a.example:P/lie")


ANSWERS: list[tuple[int, dict[str, str], type[Failure], str]] = [
    (404, {}, Permanent, "there is nothing at"),
    (410, {}, Permanent, "there is nothing at"),
    (401, {}, Permanent, "is not shown to everybody"),
    (403, {}, Permanent, "is not shown to everybody"),
    (204, {}, Permanent, "without a document"),
    (206, {}, Permanent, "without a document"),
    (304, {}, Permanent, "without a document"),
    (418, {}, Permanent, "without a document"),
    (408, {}, Transient, "cannot answer now"),
    (429, {"retry_after": "120"}, RateLimited, "asks to be called later"),
    (500, {}, Transient, "cannot answer now"),
    (503, {"retry_after": "7"}, Transient, "cannot answer now"),
]


@pytest.mark.parametrize(("status", "headers", "kind", "told"), ANSWERS)
def test_an_answer_without_a_document_says_what_it_was(
    site: Site, status: int, headers: dict[str, str], kind: type[Failure], told: str
) -> None:
    """In words and as a kind that the policy of documents knows; what stands in the query is not told."""
    site.pages["/n"] = page(b"", status, **headers)
    with pytest.raises(kind, match=told) as failed:
        fetched(site, "http://a.example:P/n?token=sesame-sesame")
    known = classify(failed.value)
    assert known.kind == kind.kind
    assert known.retry_after == (timedelta(seconds=int(headers["retry_after"])) if headers else None)
    assert "sesame" not in str(failed.value)
    assert failed.value.status == status


def test_nobody_there_is_a_failure_that_may_pass() -> None:
    """A connection refused, a name without an address, an answer that is not HTTP."""
    with Site() as gone:
        pass
    with pytest.raises(Transient, match="took no connection"):
        fetched(gone, "http://a.example:P/")
    with pytest.raises(Transient, match=r"the name nowhere\.example leads nowhere"):
        Fetcher(FetchSettings(), resolve=lambda _: []).fetch("http://nowhere.example/", io.BytesIO())
    with Site() as site:
        site.pages["/"] = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n") and None
        with pytest.raises(Transient, match="not HTTP"):
            fetched(site, "http://a.example:P/")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for ``safe.example``, its key, and the authority that signed it."""
    folder = tmp_path_factory.mktemp("tls")
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])

    def signed(key: Any, subject: x509.Name, by: Any, *more: tuple[x509.ExtensionType, bool]) -> bytes:
        built = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
        built = built.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        built = built.not_valid_after(now + timedelta(days=2))
        for extension, critical in more:
            built = built.add_extension(extension, critical)
        return built.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.pem").write_bytes(signed(ca, name, ca, (x509.BasicConstraints(ca=True, path_length=0), True)))
    names = x509.SubjectAlternativeName([x509.DNSName("safe.example")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "safe.example")])
    private = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "leaf.pem").write_bytes(private + signed(leaf, subject, ca, (names, False)))
    return folder


def test_a_certificate_is_the_names_and_not_the_addresss(authority: Path) -> None:
    """The name is asked for and checked though the connection goes to an address; http is no way on from there."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "leaf.pem")
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    with Site(tls=tls) as site:
        site.pages["/x"] = page(b"safe")
        site.pages["/down"] = redirect(f"http://safe.example:{site.port}/x")
        trusted = {"ca_file": authority / "ca.pem"}
        assert fetched(site, "https://safe.example:P/x", **trusted) == b"safe"
        assert asked == ["safe.example"]
        with pytest.raises(Transient, match="certificate that is not good"):
            fetched(site, "https://other.example:P/x", **trusted)
        with pytest.raises(Transient, match="certificate that is not good"):
            fetched(site, "https://safe.example:P/x")
        with pytest.raises(AddressRefused, match="not encrypted"):
            fetched(site, "https://safe.example:P/down", **trusted)


def test_a_deployment_says_which_hosts_and_ports(site: Site) -> None:
    """What is denied stays denied, what is not among those allowed is, and it can be switched off."""
    site.pages["/"] = page(b"x")
    assert fetched(site, "http://docs.a.example:P/", allow_hosts=(".a.example",)) == b"x"
    for told, more in (
        ("not among those allowed", {"allow_hosts": ("b.example", ".docs.a.example")}),
        ("denied", {"allow_hosts": (".example",), "deny_hosts": (".a.example",)}),
        ("switched off", {"enabled": False}),
        ("port", {"allowed_ports": (80, 443)}),
    ):
        with pytest.raises(AddressRefused, match=told):
            fetched(site, "http://docs.a.example:P/", **more)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists with commas, sizes with units, seconds as a number; mistakes are told by their variable."""
    for name, value in {
        "ALLOW_HOSTS": "Docs.Example., .b.example",
        "ALLOWED_PORTS": "443, 8443",
        "PRIVATE_NETWORKS": "10.1.0.0/16,fd00:1::/32",
        "MAX_BYTES": "5MiB",
        "TIMEOUT": "2.5",
    }.items():
        monkeypatch.setenv(f"DRAMATURG_FETCH_{name}", value)
    said = FetchSettings.load(None)
    assert said.allow_hosts == ("docs.example", ".b.example")
    assert said.allowed_ports == (443, 8443)
    assert said.private_networks[1] == ipaddress.ip_network("fd00:1::/32")
    assert (said.max_bytes, said.timeout) == (5 * 1024 * 1024, timedelta(seconds=2.5))
    monkeypatch.setenv("DRAMATURG_FETCH_PRIVATE_NETWORKS", "10.1.0.5/16")
    monkeypatch.setenv("DRAMATURG_FETCH_TIMEOUT", "a while")
    with pytest.raises(SettingsError, match="DRAMATURG_FETCH_PRIVATE_NETWORKS") as wrong:
        FetchSettings.load(None)
    assert len(wrong.value.mistakes) == 2


def test_no_setting_opens_the_metadata_of_a_cloud() -> None:
    """Nor what is no single machine; all else is what the deployment says."""
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    for closed in ("169.254.169.254", "fd00:ec2::254", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "ff02::1"):
        assert why_not(ipaddress.ip_address(closed), everything)
    assert why_not(ipaddress.ip_address("10.0.0.1"), everything) == ""
    for public in ("93.184.216.34", "1.1.1.1", "2606:4700::1111", "192.31.196.1", "100.128.0.1", "172.32.0.1"):
        assert why_not(ipaddress.ip_address(public)) == ""


NAMED = {
    ("/a/b/leaf.pdf?x=1", ""): "leaf.pdf",
    ("/", ""): "a.example",
    ("/a/", ""): "a",
    ("/x", 'attachment; filename="Fern & moss.docx"'): "Fern & moss.docx",
    ("/x", "inline; filename*=UTF-8''bl%C3%A4tter.pdf"): "blätter.pdf",
    ("/x", 'attachment; filename="../../etc/passwd"'): "passwd",
    ("/x", 'attachment; filename="C:\\\\temp\\\\..\\\\nul.txt"'): "x",
    ("/%2e%2e%2f%2e%2e", ""): "a.example",
    ("/a%00b%0ac.pdf", ""): "abc.pdf",
    ("/x", 'attachment; filename="fdp.\u202egpj.exe"'): "fdp.gpj.exe",
    ("/" + "n" * 400 + ".pdf", ""): "n" * 116 + ".pdf",
    ("/x", "attachment; filename=" + "y" * 2000): "x",
    ("/x", "\udcff; filename*=bogus''%ff%fe"): "ÿþ",
}


@pytest.mark.parametrize(("where", "name"), NAMED.items())
def test_a_name_is_never_a_path_and_never_empty(where: tuple[str, str], name: str) -> None:
    """It is for people to read, whatever the other side says."""
    assert name_of(read_address("http://a.example" + where[0]), where[1]) == name


@pytest.fixture
def allowed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say in the environment that the site may be fetched from."""
    monkeypatch.setenv("DRAMATURG_FETCH_PRIVATE_NETWORKS", "127.0.0.1/32")
    monkeypatch.setenv("DRAMATURG_FETCH_ALLOWED_PORTS", str(site.port))
    sections.forget()
    yield
    sections.forget()


def source(site: Site, path: str, **more: str) -> DocumentSource:
    return DocumentSource(address=f"http://127.0.0.1:{site.port}{path}", **more)


def test_a_document_is_extracted_from_its_address(site: Site, blobs: Blobs, allowed: None) -> None:
    """What it is, its content says; the name is the answer's, and progress begins with fetching."""
    body = papers.pdf(papers.paragraph(papers.PROSE) for _ in range(5))
    site.pages["/get"] = page(body, content_type="text/html", content_disposition='inline; filename="cells.pdf"')
    told = run_inline(extract_document, source(site, "/get?token=sesame-sesame"))
    assert (told.result.name, told.result.pages, told.result.format) == ("cells.pdf", 5, "pdf")
    assert blobs.get(told.result.id) == body
    percents = [report["percent"] for report in told.journal.reports]
    assert percents == sorted(percents)
    assert [told.journal.reports[0]["stage"], percents[-1]] == ["fetching", 100]
    assert "sesame" not in str(told.journal.reports)
    assert run_inline(extract_document, source(site, "/get", name="Chapter 1")).result.name == "Chapter 1"


def test_a_retry_does_not_fetch_again(site: Site, blobs: Blobs, allowed: None) -> None:
    """The document is in the blob store once it came."""
    site.pages["/once"] = page(b"# Leaves\n\nA leaf is a plant organ that makes food from light.\n")
    journal = MemoryJournal()
    site.requests.clear()
    for _ in range(2):
        told = run_inline(extract_document, source(site, "/once"), journal=journal)
        assert told.result.name == "once"
    assert len(site.requests) == 1


def test_a_cancelled_run_stops_fetching(site: Site, blobs: Blobs, allowed: None) -> None:
    """In the middle of what comes."""
    site.pages["/long"] = page(b"x" * 4_000_000)

    class CancelledAtOnce(MemoryJournal):
        def report(self, progress: bytes) -> None:
            super().report(progress)
            self.cancelled = True

    with pytest.raises(Cancelled):
        run_inline(extract_document, source(site, "/long"), journal=CancelledAtOnce())


def test_a_source_is_a_blob_or_an_address() -> None:
    """One of both, checked when it is sent with the field named; what was sent before addresses came still fits."""
    old = {"blob": "0" * 64, "name": "cells.pdf"}
    assert extract_document.validate(old).address is None
    for given, field in (
        ({**old, "address": "https://a.example/"}, "address"),
        ({"name": "cells.pdf"}, "address"),
        ({"address": "ftp://a.example/x"}, "address"),
        ({"address": "http://10.0.0.1@a.example/x"}, "address"),
        ({"address": "http://0x7f000001/x"}, "address"),
        ({"blob": "0" * 64}, "name"),
    ):
        with pytest.raises(InvalidInput) as wrong:
            extract_document.validate(given)
        assert wrong.value.field == field


def test_a_fetch_that_takes_too_long_is_a_timeout() -> None:
    """A kind that the policy of documents tries again."""
    assert classify(Timeout("x")).kind == "timeout"
    assert issubclass(Timeout, Transient)
    assert extract_document.retry.attempts == 5
