"""The sequences there are: data, and nothing else. See ``actors.growth.sequence`` for what a step may say."""

from __future__ import annotations

from datetime import timedelta

from actors.growth.sequence import Sequence, SequenceStep

_DAY = timedelta(days=1)

#: What every new lead goes through, unless it names another one.
WELCOME = Sequence(
    "welcome",
    SequenceStep("crm", does="crm.contact"),
    SequenceStep("noted", does="crm.activity", text="A new lead; the welcome sequence begins."),
    SequenceStep("audience", does="mailchimp.audience", tags=("lead",)),
    SequenceStep("hello", channel="whatsapp", template="welcome_hello"),
    SequenceStep(
        "follow-up-1", after=2 * _DAY, channel="email", template="welcome-follow-up-1", text="Getting started"
    ),
    SequenceStep(
        "follow-up-2", after=3 * _DAY, channel="email", template="welcome-follow-up-2", text="How is it going?"
    ),
)
