"""How much one document may take before it is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

_MB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds of one document's reading; what goes over them is refused, never cut silently.

    Time is granted as *patience*: so much processor time without a finished page. Every page renews it, so a long
    document is read to its end while a file that leads nowhere is given up within seconds, however busy the machine.
    """

    memory: int = 512 * _MB
    file_size: int = 256 * _MB
    pages: int = 5_000
    characters: int = 5_000_000
    patience: timedelta = timedelta(seconds=6)
    ocr_patience: timedelta = timedelta(seconds=8)
    silence: timedelta = timedelta(seconds=25)
    total: timedelta = timedelta(minutes=4)
    pixels: int = 100_000_000
    zip_entries: int = 5_000
    zip_unpacked: int = 200 * _MB
    zip_ratio: int = 250

    def to_json(self) -> dict[str, float]:
        """Write the limits as plain numbers; durations become seconds."""
        return {
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, numbers: dict[str, float]) -> Limits:
        """Read back what ``to_json`` wrote."""
        durations = {name for name, value in asdict(cls()).items() if isinstance(value, timedelta)}
        values: dict[str, int | timedelta] = {
            name: timedelta(seconds=value) if name in durations else int(value) for name, value in numbers.items()
        }
        return cls(**values)  # type: ignore[arg-type]  # the names were checked by to_json, the types just above
