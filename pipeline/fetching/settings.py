"""What may be fetched by address: the settings ``DRAMATURG_FETCH_...``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ByteSize, Field, IPvAnyNetwork
from pydantic_settings import NoDecode

from pipeline.blobs import LIMIT_BYTES
from pipeline.sections import Section


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _in_lower_case(value: object) -> object:
    listed = _listed(value)
    return [str(one).lower().rstrip(".") for one in listed] if isinstance(listed, (list, tuple)) else listed


def _seconds(value: object) -> object:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


_Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_in_lower_case)]
_Ports = Annotated[tuple[Annotated[int, Field(ge=1, le=65_535)], ...], NoDecode, BeforeValidator(_listed)]
_Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)]


class FetchSettings(Section):
    """Where documents may be fetched from, how large they may be and how long it may take."""

    prefix: ClassVar[str] = "DRAMATURG_FETCH_"

    enabled: bool = Field(default=True, description="whether anything is fetched by address at all")
    allow_hosts: _Hosts = Field(default=(), description="only these; .example.com stands for all names below it")
    deny_hosts: _Hosts = Field(default=(), description="none of these, whatever is allowed")
    allowed_ports: _Ports = (80, 443)
    private_networks: _Networks = Field(default=(), description="of an intranet, such as 10.1.0.0/16")
    ca_file: Path | None = Field(default=None, description="further certificate authorities, for an intranet")
    max_bytes: ByteSize = Field(default=ByteSize(25 * 1024 * 1024), gt=0, le=LIMIT_BYTES)
    timeout: Annotated[timedelta, BeforeValidator(_seconds)] = Field(
        default=timedelta(seconds=20), gt=timedelta(0), le=timedelta(minutes=4), description="seconds, in all"
    )
    redirects: int = Field(default=5, ge=0, le=20)

    def why_not(self, host: str, port: int) -> str:
        """Say why nothing is fetched from a host and port, or give nothing if they are not spoken against."""
        if not self.enabled:
            return "fetching by address is switched off here (DRAMATURG_FETCH_ENABLED)"
        if port not in self.allowed_ports:
            return f"port {port} is not one that is fetched from (DRAMATURG_FETCH_ALLOWED_PORTS)"
        if _among(host, self.deny_hosts):
            return "this host is denied (DRAMATURG_FETCH_DENY_HOSTS)"
        if self.allow_hosts and not _among(host, self.allow_hosts):
            return "this host is not among those allowed (DRAMATURG_FETCH_ALLOW_HOSTS)"
        return ""


def _among(host: str, patterns: tuple[str, ...]) -> bool:
    return any(host.endswith(one) if one.startswith(".") else host == one for one in patterns)
