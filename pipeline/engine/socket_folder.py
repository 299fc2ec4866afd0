"""A private folder for a socket, with a path short enough for the operating system."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from pipeline.engine.redis_program import NoRedis

#: The shortest limit of the systems there are is 104 bytes, of which the name of the socket takes some.
LONGEST = 88


def claim_socket_folder(folder: Path) -> Path:
    """Make, or find again, the socket folder that belongs to a data folder: ours, and closed to everybody else."""
    name = f"dramaturg-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    for place in _places():
        claimed = place / name
        if len(os.fsencode(claimed)) <= LONGEST:
            _claim(claimed)
            return claimed
    raise NoRedis(f"No folder for a socket has a path under {LONGEST} bytes. Set XDG_RUNTIME_DIR to a short one.")


def _places() -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    places = [Path(runtime)] if os.path.isabs(runtime) and os.access(runtime, os.W_OK) else []  # noqa: PTH117 - "" is not a path
    return [*places, Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - the folder in it is claimed with care


def _claim(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # In a folder that all may write, somebody else may have been here first, to listen to us.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise NoRedis(
                f"{folder} belongs to somebody else, so no Redis is started behind it. "
                "Remove it, or set XDG_RUNTIME_DIR to a folder of your own."
            ) from None
        folder.chmod(0o700)
