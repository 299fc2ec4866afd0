"""How a process names itself in its log lines and its spans."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from urllib.parse import unquote

#: What the service is called unless ``OTEL_SERVICE_NAME`` says otherwise.
SERVICE = "dramaturg"


def identity(environ: Mapping[str, str]) -> dict[str, str | int]:
    """Give service, host and process; the standard variables of OpenTelemetry say what the service is called."""
    said = _attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    return {
        "service.name": environ.get("OTEL_SERVICE_NAME") or said.get("service.name") or SERVICE,
        "service.version": said.get("service.version") or _version(),
        "host.name": said.get("host.name") or socket.gethostname(),
        "process.pid": os.getpid(),
    }


def _attributes(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip(): unquote(value.strip()) for name, sign, value in pairs if sign}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("dramaturg")
    except PackageNotFoundError:  # run from a folder of sources
        return ""
