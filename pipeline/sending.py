"""Send: how one payload is sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pipeline.errors import InvalidInput
from pipeline.priority import Priority
from pipeline.run import as_ms

#: Keys and groups are part of Redis keys and of every list a person reads.
LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """How one payload is sent: everything ``Actor.send`` takes, as a value for ``send_many``."""

    payload: Any = None
    priority: Priority | None = None
    delay: timedelta | None = None
    key: str = ""
    group: str = ""
    deadline: datetime | timedelta | None = None
    correlation_id: str = ""
    models: Sequence[str] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def label(self, name: Literal["key", "group"]) -> str:
        """Give the key or the group; raises ``InvalidInput`` if it is no short line of text."""
        text: str = getattr(self, name)
        if len(text) > LONGEST_LABEL or not text.isprintable():
            raise InvalidInput(f"{name}={text[:40]!r}: at most {LONGEST_LABEL} printable characters", field=name)
        return text

    def delay_ms(self) -> int:
        """Give the delay; raises ``InvalidInput`` if it lies in the past."""
        if self.delay is None:
            return 0
        if self.delay < timedelta(0):
            raise InvalidInput(f"delay={self.delay}: lies in the past", field="delay")
        return as_ms(self.delay)

    def deadline_ms(self) -> int | None:
        """Give the deadline as Unix time; raises ``InvalidInput`` for a time without a zone."""
        if self.deadline is None:
            return None
        if isinstance(self.deadline, timedelta):
            return time.time_ns() // 1_000_000 + as_ms(self.deadline)
        if self.deadline.tzinfo is None:
            raise InvalidInput(f"deadline={self.deadline}: has no time zone", field="deadline")
        return int(self.deadline.timestamp() * 1000)
