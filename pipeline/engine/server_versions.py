"""Tells from a server's version whether scripts can break out of it, and from its package whether that was mended."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any, Literal

#: The hole: a script can run code of its own in the server.
CVE = "CVE-2025-49844"

#: The first versions without it, by release line.
_PATCHED = {
    "redis": {(7, 2): (7, 2, 11), (7, 4): (7, 4, 6), (8, 0): (8, 0, 4), (8, 2): (8, 2, 2)},
    "valkey": {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
}
_NEWEST_AFFECTED = {"redis": (8, 2), "valkey": (8, 1)}

#: Where distributions put the programs that they build, and mend without a new version number.
_DISTRIBUTED = ("/usr/bin/", "/usr/sbin/")

#: Where Debian and Ubuntu keep what was changed in a package.
_CHANGES = Path("/usr/share/doc")

Verdict = Literal["safe", "mended", "unknown", "open"]


def product_of(info: dict[str, Any]) -> tuple[str, str, tuple[int, int, int]]:
    """Give the product, its version as it says it, and the version as numbers; zeros if it says none."""
    product = "valkey" if "valkey_version" in info else "redis"
    text = str(info.get(f"{product}_version", "0"))
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return product, text, (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def is_open(info: dict[str, Any], *, here: bool, changes: Path = _CHANGES) -> Verdict:
    """Say whether a script can run code of its own: by the version, and by the package if the server runs ``here``.

    A distribution mends the hole and leaves the version as it is. Its list of changes, where it lies on this machine,
    says so; of a server elsewhere nobody knows, unless the program lies where no distribution puts one.
    """
    product, _, version = product_of(info)
    line = version[:2]
    patched = _PATCHED[product].get(line)
    if not (version < patched if patched else line <= _NEWEST_AFFECTED[product]):
        return "safe"
    program = str(info.get("executable", ""))
    if program and not program.startswith(_DISTRIBUTED):
        return "open"
    told = _told_of(product, changes) if here and program and _runs_here(info, product) else None
    if told is None:
        return "unknown"
    return "mended" if told else "open"


def update_for(info: dict[str, Any]) -> str:
    """Say which version mends it."""
    product, _, version = product_of(info)
    patched = _PATCHED[product].get(version[:2])
    return f"Update to {'.'.join(map(str, patched))} or later." if patched else "Update to a later release line."


def _runs_here(info: dict[str, Any], product: str) -> bool:
    """Say whether its process is one of this machine: an address of it may lead elsewhere, or into a container."""
    try:
        return Path(f"/proc/{int(info['process_id'])}/comm").read_text().startswith(product)
    except (KeyError, ValueError, OSError):
        return False


def _told_of(product: str, changes: Path) -> bool | None:
    """Say whether a package's list of changes names the hole; nothing if no list lies here."""
    found: bool | None = None
    for package in (f"{product}-server", f"{product}-tools", product):
        try:
            with gzip.open(changes / package / "changelog.Debian.gz", "rt", errors="replace") as lines:
                if any(CVE in line for line in lines):
                    return True
        except OSError:
            continue
        found = False
    return found
