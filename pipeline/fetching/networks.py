"""Which IP addresses documents may be fetched from: those of the public internet, and networks that were allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from pipeline.fetching.address import Ip

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


#: Where clouds answer every machine with its credentials. No setting opens these.
_METADATA = _networks(
    "169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32", "192.0.0.192/32",
    "168.63.129.16/32", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
)  # fmt: skip

#: What is no single machine. No setting opens these either: 0.0.0.0 is another name of this machine.
_NOBODY = _networks("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")

#: An IPv4 address in the clothes of an IPv6 one: compatible, mapped, NAT64, Teredo, 6to4.
_DISGUISED = _networks(
    "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"
)  # fmt: skip

_KINDS = (
    ("this machine", _networks("127.0.0.0/8", "::1/128")),
    ("the link it is on", _networks("169.254.0.0/16", "fe80::/10")),
    ("a private network", _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
    ("a provider's own network", _networks("100.64.0.0/10")),
    ("an IPv4 address inside an IPv6 one", _DISGUISED),
)  # fmt: skip

#: Not public whatever the version of Python knows of them (RFC 6890 and later registrations).
_RESERVED = _networks(
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
)  # fmt: skip

#: All of IPv6 that was given out as public.
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")


def why_not(ip: Ip, allowed: Sequence[Network] = ()) -> str:
    """Say what an address is if nothing is fetched from there, without saying which one it is; else give nothing.

    ``allowed`` networks are let through, but for the metadata services of clouds and what is no single machine.
    """
    if _within(ip, _METADATA):
        return "the metadata service of a cloud"
    if _within(ip, _NOBODY):
        return "an address of no single machine"
    if _within(ip, allowed):
        return ""
    for kind, networks in _KINDS:
        if _within(ip, networks):
            return kind
    public = ip.is_global and not ip.is_multicast and not ip.is_reserved and not _within(ip, _RESERVED)
    if public and (ip.version == 4 or ip in _PUBLIC_V6):  # noqa: PLR2004 - the version of IP
        return ""
    return "an address outside the public internet"


def _within(ip: Ip, networks: Sequence[Network]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)
