"""Sequences: what is done with a person over days, declared as steps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from actors.growth.lead import Channel

#: What a step does; each is an actor of its own, with the limits and the breaker of the other side.
Does = Literal["crm.contact", "crm.activity", "mailchimp.audience", "whatsapp.message", "email.message"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MESSAGES: dict[Channel, Does] = {"email": "email.message", "whatsapp": "whatsapp.message"}


class SequenceStep:
    """One step: a message if it has a ``channel`` and a ``template``, otherwise what it ``does``.

    It is due so long ``after`` the step before it was done, the first so long after the lead came. ``parameters`` are
    the fields of the person that a template takes, in its order; ``language`` is that of a template that has but one.
    ``tags`` are put on the person in the audience; ``text`` is what an activity says, or the subject of an email.
    Raises ``ValueError`` for a step that can do nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        does: Does | None = None,
        after: timedelta = timedelta(0),
        channel: Channel | None = None,
        template: str = "",
        language: str = "",
        parameters: tuple[str, ...] = ("name",),
        tags: tuple[str, ...] = (),
        text: str = "",
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"step {name!r}: a name is small letters, digits, '.', '_' and '-', at most 64")
        if (channel is None) == (does is None) or (channel is not None) != bool(template):
            raise ValueError(f"step {name!r}: give a channel and a template, or say what it does")
        if after < timedelta(0):
            raise ValueError(f"step {name!r}: cannot be done before the one before it")
        self.name = name
        self.does: Does = does or _MESSAGES[channel]  # type: ignore[index] # one of them is given
        self.after = after
        self.channel = channel
        self.template = template
        self.language = language
        self.parameters = parameters
        self.tags = tags
        self.text = text


class Sequence:
    """Steps in their order, known by a name; ``lead.created`` goes through one with every new person.

    People are in the middle of it while its code changes: steps are known by their names, so a step that is added
    later is done by whoever has not passed its place, and one that is gone is left out.
    Raises ``ValueError`` for two steps, or two sequences, of one name.
    """

    def __init__(self, name: str, *steps: SequenceStep) -> None:
        names = [step.name for step in steps]
        if not _NAME.fullmatch(name) or not steps or len(set(names)) < len(names):
            raise ValueError(f"sequence {name!r}: needs a name in small letters, and steps whose names differ: {names}")
        self.name = name
        self.steps = steps
        other = DECLARED.get(name)
        if other is not None and [step.name for step in other.steps] != names:
            raise ValueError(f"two sequences are named {name!r}")
        DECLARED[name] = self

    def step(self, name: str) -> SequenceStep | None:
        """Give a step by its name; none if there is none."""
        return next((step for step in self.steps if step.name == name), None)


#: Every sequence declared in this process, by its name.
DECLARED: dict[str, Sequence] = {}


class Order(BaseModel):
    """One step of one person in one sequence: what the actor of a step is told; ``to`` is for the limits by number."""

    model_config = ConfigDict(frozen=True)

    contact: str
    sequence: str
    step: str
    to: str = ""

    def __str__(self) -> str:
        """Give it as the key of what is done."""
        return f"{self.contact}:{self.sequence}:{self.step}"


class Done(BaseModel):
    """How a step ended.

    ``done``; ``withheld``: the person had not consented, or was stopped; ``skipped`` by hand; ``failed`` without having
    reached anybody; ``uncertain``: it may have been done, and is not done again. ``reference`` is the other side's id,
    and ``at`` when it ended.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    state: Literal["done", "withheld", "skipped", "failed", "uncertain"]
    reference: str = ""
    detail: str = ""
    at: AwareDatetime
