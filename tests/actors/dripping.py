"""A drip of four messages, by two channels in turn; for workers that are killed in the middle of it."""

from __future__ import annotations

from datetime import timedelta

import actors.growth.leads  # noqa: F401 - its actors are what the workers run
from actors.growth.sequence import Sequence, SequenceStep

_DAY = timedelta(days=1)

DRIP = Sequence(
    "drip",
    SequenceStep("one", channel="whatsapp", template="drip_chat_1"),
    SequenceStep("two", after=_DAY, channel="email", template="drip-mail"),
    SequenceStep("three", after=_DAY, channel="whatsapp", template="drip_chat_2"),
    SequenceStep("four", after=_DAY, channel="email", template="drip-last"),
)

#: Which template is which step.
STEPS = {step.template: step.name for step in DRIP.steps}
