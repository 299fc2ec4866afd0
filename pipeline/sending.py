"""Send: how one payload is sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pipeline.errors import InvalidInput
from pipeline.priority import Priority
from pipeline.run import as_ms

#: Keys and groups are part of Redis keys and of every list a person reads.
LONGEST_LABEL = 200


#: What a key does when a run is there already.
Mode = Literal["return", "throttle", "debounce", "replace"]


#: What each field takes, for whoever calls without a type checker.
_TAKES: dict[str, tuple[type, str]] = {
    "priority": (Priority, "a Priority, as Priority.HIGH"),
    "delay": (timedelta, "a timedelta"),
    "key": (str, "text"),
    "period": (timedelta, "a timedelta"),
    "group": (str, "text"),
    "deadline": (datetime | timedelta, "a datetime with a time zone, or a timedelta"),  # type: ignore[dict-item] # isinstance takes it
    "correlation_id": (str, "text"),
    "models": (list | tuple, "a list or a tuple of names"),  # type: ignore[dict-item] # isinstance takes it
    "options": (dict, "a dict"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """How one payload is sent: everything ``Actor.send`` takes, as a value for ``send_many``.

    Raises ``InvalidInput`` that names the field for a value of another type.
    """

    payload: Any = None
    priority: Priority | None = None
    delay: timedelta | None = None
    key: str = ""
    mode: Mode = "return"
    period: timedelta | None = None
    group: str = ""
    deadline: datetime | timedelta | None = None
    correlation_id: str = ""
    models: Sequence[str] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (kind, told) in _TAKES.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InvalidInput(f"{name}={value!r}: must be {told}", field=name)

    def label(self, name: Literal["key", "group"]) -> str:
        """Give the key or the group; raises ``InvalidInput`` if it is no short line of text."""
        text: str = getattr(self, name)
        if len(text) > LONGEST_LABEL or not text.isprintable():
            raise InvalidInput(f"{name}={text[:40]!r}: at most {LONGEST_LABEL} printable characters", field=name)
        return text

    def period_ms(self) -> int:
        """Give the period of the key; raises ``InvalidInput`` if its mode and it do not go together."""
        if self.mode not in get_args(Mode):
            raise InvalidInput(f"mode={self.mode!r}: one of {', '.join(get_args(Mode))}", field="mode")
        if self.mode != "return" and not self.key:
            raise InvalidInput(f"mode={self.mode!r}: needs a key", field="key")
        if (self.mode in {"throttle", "debounce"}) != (self.period is not None):
            raise InvalidInput("period: goes with the modes throttle and debounce, and they with it", field="period")
        if self.period is not None and self.period <= timedelta(0):
            raise InvalidInput(f"period={self.period}: must be more than nothing", field="period")
        return 0 if self.period is None else as_ms(self.period)

    def delay_ms(self) -> int:
        """Give the delay; raises ``InvalidInput`` if it lies in the past."""
        if self.mode == "debounce" and self.delay is None:
            return self.period_ms()
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
