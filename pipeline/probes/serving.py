"""Takes the ports that the settings name, and says what is wrong where they cannot be had."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from pipeline.environment import SettingsError
from pipeline.probes.checks import Route
from pipeline.probes.settings import PORTS, ProbesSettings, Process

if TYPE_CHECKING:
    from pipeline.probes.server import ProbeServer

log = structlog.get_logger(__name__)

_LAST_PORT = 65_535


def serve(process: Process, ports: Sequence[Mapping[str, Route]], settings: ProbesSettings) -> ProbeServer | None:
    """Listen on as many ports in a row as there are ``ports``; gives none where probes are off.

    A usual port that somebody else has is gone without, with a warning in the log. Raises ``SettingsError`` for one
    that was set, and for an address that is not one of this machine's.
    """
    if settings.port == 0:
        return None
    first = settings.port or PORTS[process]
    if first + len(ports) - 1 > _LAST_PORT:
        raise SettingsError([f"DRAMATURG_PROBES_PORT: {len(ports)} ports from {first} on are more than there are"])
    from pipeline.probes.server import ProbeServer

    try:
        return ProbeServer(settings.host, {first + n: routes for n, routes in enumerate(ports)}).start()
    except OSError as error:
        last = f" to {first + len(ports) - 1}" if len(ports) > 1 else ""
        why = f"{settings.host}, port {first}{last}, cannot be listened on: {error.strerror}"
        taken = error.errno == errno.EADDRINUSE
        if settings.port is None and (taken or "host" not in settings.model_fields_set):
            log.warning("no_probes", why=why, mend="DRAMATURG_PROBES_PORT names another port, or 0 for no probes")
            return None
        raise SettingsError([f"DRAMATURG_PROBES_{'PORT' if taken else 'HOST'}: {why}"]) from error
