"""A web address, read strictly: one reader, and whatever it does not understand is refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from pipeline.errors import InvalidInput

#: Longer ones are no addresses of documents.
LONGEST = 2048

_PORTS = {"http": 80, "https": 443}
_SPLIT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LIKE_A_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")
#: What stays as it is in a path or a query; the rest becomes %XX.
_KEPT = "!#$%&'()*+,/:;=?@[]~-._"

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(InvalidInput):
    """An address is not one that documents are fetched from; the text says why, in plain words."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="address")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An http or https address in its one spelling: what is connected to is made of these parts, never of the text."""

    scheme: str
    #: In lower case, as DNS has it; an IPv6 address is without its brackets.
    host: str
    port: int
    #: Path and query, as they are asked for.
    target: str
    #: Set if the host is an IP address and no name.
    ip: Ip | None = None

    @property
    def authority(self) -> str:
        """Host and port as they stand in an address; the port only if it is not the usual one."""
        host = f"[{self.host}]" if isinstance(self.ip, ipaddress.IPv6Address) else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address for people and logs: without its query, where secrets stand."""
        return f"{self.scheme}://{self.authority}{self.target.partition('?')[0]}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def follow(self, location: str) -> WebAddress:
        """Give the address that an answer of this one points to; raises ``AddressRefused``."""
        return read_address(urljoin(str(self), _plain(location)))


def read_address(text: str) -> WebAddress:
    """Read an address; raises ``AddressRefused`` for all but http and https to a well spelled host.

    Refused are a user or password in it, IP addresses in any spelling but the usual one, zone ids, and names that are
    no host names. Whether the host may be reached is asked later, when it is known where its name leads.
    """
    found = _SPLIT.fullmatch(_plain(text))
    if found is None:
        raise AddressRefused("this is no address: it begins with https:// or http://")
    scheme, authority, path, query = found.groups()
    scheme = scheme.lower()
    if scheme not in _PORTS:
        raise AddressRefused(f"{scheme[:20]}: is not fetched from, only https and http are")
    if not authority:
        raise AddressRefused("the address names no host")
    if "@" in authority:
        raise AddressRefused("the address has a user or a password in it; an address with one is not fetched")
    host, port = _host_and_port(authority)
    name, ip = _host(host)
    return WebAddress(
        scheme=scheme,
        host=name,
        port=_PORTS[scheme] if port is None else port,
        target=quote((path or "/") + (query or ""), safe=_KEPT),
        ip=ip,
    )


def _plain(text: str) -> str:
    if len(text) > LONGEST:
        raise AddressRefused(f"the address is longer than {LONGEST} characters")
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in text):  # noqa: PLR2004 - the control characters and halves of characters
        raise AddressRefused("the address has control characters in it")
    if "\\" in text:
        raise AddressRefused("the address has a backslash in it, which programs read differently")
    return text


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        host, bracket, rest = authority.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressRefused("the host of the address is spelled wrongly")
        return host + bracket, _port(rest[1:]) if rest else None
    host, colon, port = authority.partition(":")
    return host, _port(port) if colon else None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65_536:  # noqa: PLR2004 - what a port is
        raise AddressRefused("the port of the address is none")
    return int(text)


def _host(text: str) -> tuple[str, Ip | None]:
    if text.startswith("["):
        try:
            if "%" in text:
                raise AddressRefused("the address has a zone in it, which means another place on every machine")
            ip = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            raise AddressRefused("the host of the address is no IPv6 address") from None
        return str(ip), ip
    name = text.lower() if text.isascii() else _in_ascii(text)
    name = name.removesuffix(".")
    labels = name.split(".")
    if _LIKE_A_NUMBER.fullmatch(labels[-1]):
        return _ipv4(name, plain=text.isascii())
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004 - the limit of DNS
        raise AddressRefused("the host of the address is no host name")
    for label in labels:
        if label.startswith("xn--"):
            _in_ascii(label)
    return name, None


def _ipv4(name: str, *, plain: bool) -> tuple[str, Ip]:
    try:
        ip = ipaddress.IPv4Address(name)
    except ValueError:
        ip = None
    if ip is None or not plain:
        raise AddressRefused("the host of the address is an IP address in an unusual spelling")
    return str(ip), ip


def _in_ascii(name: str) -> str:
    try:
        import idna
    except ImportError:
        raise AddressRefused("the host of the address has letters outside ASCII; write it as xn--...") from None
    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        raise AddressRefused("the host of the address is no host name") from None
