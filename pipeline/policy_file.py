"""Policy file: what a deployment says of actors, queues, limits, breakers, budgets and models, in TOML.

::

    [actors."graph.generate"]
    retry = { attempts = 5, base = "2s" }
    timeout = "4m"
    models = ["openai:gpt-4o-mini", "offline"]
    limits = ["ai", "night"]

    [limits.night]
    rate = 10
    per = "1m"

Every mistake in it is told at once, with its section and option. The file is read and never written.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pipeline import duration
from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.errors import InvalidInput
from pipeline.limit import Limit
from pipeline.llm.catalogue import Known
from pipeline.llm.names import parse_model
from pipeline.settings import SettingsError

T = TypeVar("T")

#: A file that is larger is no policy file.
_LARGEST = 1024 * 1024

#: Names that TOML takes without quotes.
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class PolicyFileError(SettingsError):
    """The policy file is wrong; the text names every mistake by its section and option."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        super().__init__(mistakes)
        self.args = (f"The policy file {path} is wrong:\n" + "\n".join(f"  {mistake}" for mistake in mistakes),)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"must be a number, and is {value!r}")  # noqa: TRY004 - Pydantic collects these
    return float(value)


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise ValueError(f"must be an amount of dollars, and is {value!r}")
    return Decimal(value)


def _period(value: object) -> timedelta | None:
    return None if value == "never" else duration.read(value)


def _model(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be the name of a model, and is {value!r}")  # noqa: TRY004 - Pydantic collects these
    try:
        return str(parse_model(value.strip()))
    except InvalidInput as error:
        raise ValueError(str(error)) from None


Duration = Annotated[timedelta, BeforeValidator(duration.read)]
Count = Annotated[int, Field(strict=True)]
Period = Annotated[timedelta | None, BeforeValidator(_period)]
Number = Annotated[float, BeforeValidator(_number)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Name = Annotated[str, BeforeValidator(_model)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def said(self) -> dict[str, Any]:
        """Give the options that the file sets, and no others."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class RetryOptions(_Section):
    """What may be said of an actor's retries (``pipeline.retry``)."""

    attempts: Count | None = None
    base: Duration | None = None
    cap: Duration | None = None
    jitter: Number | None = None
    unknown: Count | None = None
    timeout_growth: Number | None = None
    patience: Duration | None = None
    waits: Count | None = None


class ActorOptions(_Section):
    """What may be said of an actor."""

    retry: RetryOptions = RetryOptions()
    timeout: Annotated[Duration, Field(gt=timedelta(0))] | None = None
    models: Annotated[list[Name], Field(min_length=1)] | None = None
    model_tries: Annotated[Count, Field(ge=1)] | None = None
    model_wait: Duration | None = None
    limits: list[Text] | None = None
    breaker: Text | None = None


class QueueOptions(_Section):
    """What may be said of a queue."""

    at_once: Annotated[Count, Field(ge=1)] | None = None


class LimitOptions(_Section):
    """What makes a limit (``pipeline.limit``)."""

    rate: Number | None = None
    per: Duration = timedelta(seconds=1)
    burst: Count | None = None
    concurrency: Count | None = None
    tokens: Count | None = None
    by: Annotated[str, Field(strict=True)] = ""
    on: Literal["start", "call"] = "start"


class BreakerOptions(_Section):
    """What makes a breaker (``pipeline.breaker``)."""

    failure_rate: Number | None = None
    minimum: Count | None = None
    window: Duration | None = None
    slow: Duration | None = None
    open_for: Duration | None = None
    ramp: Duration | None = None


class BudgetOptions(_Section):
    """What makes a budget (``pipeline.budget``); ``per = "never"`` is one that never begins anew."""

    usd: Amount | None = None
    tokens: Count | None = None
    by: Literal["", "group", "flow", "actor", "model"] = ""
    per: Period = timedelta(days=1)
    then: Literal["wait", "stop"] = "wait"


class ModelOptions(_Section):
    """What may be said of a model: tokens that it can read, and US dollars a million tokens."""

    window: Annotated[Count, Field(gt=0)] | None = None
    input: Annotated[Amount, Field(ge=0)] | None = None
    output: Annotated[Amount, Field(ge=0)] | None = None


class _Whole(_Section):
    actors: dict[str, ActorOptions] = {}
    queues: dict[str, QueueOptions] = {}
    limits: dict[str, LimitOptions] = {}
    breakers: dict[str, BreakerOptions] = {}
    budgets: dict[str, BudgetOptions] = {}
    models: dict[str, ModelOptions] = {}


class PolicyFile:
    """A policy file that was read and found to hold together, as far as that is known without the actors."""

    def __init__(self, path: Path, whole: _Whole | None = None) -> None:
        whole = whole or _Whole()
        self.path = path
        self.actors: Mapping[str, ActorOptions] = whole.actors
        self.queues: Mapping[str, QueueOptions] = whole.queues
        self.mistakes: list[str] = []
        self.limits = self._made("limits", whole.limits, Limit)
        self.breakers = self._made("breakers", whole.breakers, Breaker)
        self.budgets = self._made("budgets", whole.budgets, Budget)
        self.models = {name: Known(**one.said()) for name, one in self._named_models(whole.models)}

    def _made(self, section: str, said: Mapping[str, _Section], make: Callable[..., T]) -> dict[str, T]:
        made = {}
        for name, options in said.items():
            try:
                made[name] = make(name, **options.said())
            except ValueError as error:
                self.mistakes.append(f"{spellspell_section(section, name)}: {error}")
        return made

    def _named_models(self, said: Mapping[str, ModelOptions]) -> list[tuple[str, ModelOptions]]:
        named = []
        for name, options in said.items():
            try:
                named.append((_model(name), options))
            except ValueError as error:
                self.mistakes.append(f"{spell_section('models', name)}: {error}")
            if (options.input is None) != (options.output is None):
                self.mistakes.append(f"{spell_section('models', name)}: a price needs both, input and output")
        return named


def read(path: Path) -> PolicyFile:
    """Read a policy file; raises ``PolicyFileError`` that names every mistake at once."""
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST:
            raise PolicyFileError(path, [f"it has {len(content):,} bytes, at most {_LARGEST:,} are read"])
        found = tomllib.loads(content.decode(), parse_float=Decimal)
    except OSError as error:
        raise PolicyFileError(path, [f"it cannot be read: {error.strerror}"]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyFileError(path, [f"it is no TOML: {error}"]) from error
    return parse(path, found)


def parse(path: Path, found: Mapping[str, Any]) -> PolicyFile:
    """Make a policy file of what was read; raises ``PolicyFileError`` that names every mistake at once."""
    mistakes: list[str] = []
    try:
        whole = _Whole.model_validate(found)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        mistakes = list(dict.fromkeys(_mistake(detail) for detail in details))
        whole = _Whole()
    made = PolicyFile(path, whole)
    if mistakes or made.mistakes:
        raise PolicyFileError(path, [*mistakes, *made.mistakes])
    return made


def spell_section(*names: str) -> str:
    """Give a section as it stands in the file."""
    return f"[{'.'.join(name if _BARE.fullmatch(name) else json.dumps(name) for name in names)}]"


def _mistake(detail: ErrorDetails) -> str:
    loc = [str(part) for part in detail["loc"]]
    where, option = spell_section(*loc[:2]), ".".join(loc[2:])
    if detail["type"] == "extra_forbidden":
        return f"{where}: {_unknown(loc)}"
    if detail["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return f"{where}{' ' + option if option else ''}: must be a table of options, and is {detail['input']!r}"
    said = detail["msg"].removeprefix("Value error, ")
    if said.startswith(("must", "is no duration")):
        return f"{where} {option}: {said}"
    return f"{where} {option}: {said[:1].lower()}{said[1:]}, and is {_shown(detail['input'])}"


def _shown(given: object) -> str:
    return str(given) if isinstance(given, Decimal) else repr(given)[:80]


def _unknown(loc: list[str]) -> str:
    place: type[BaseModel] = _Whole
    kinds: dict[str, type[BaseModel]] = {
        "actors": ActorOptions,
        "queues": QueueOptions,
        "limits": LimitOptions,
        "breakers": BreakerOptions,
        "budgets": BudgetOptions,
        "models": ModelOptions,
    }
    if len(loc) == 1:
        return f"there is no such section{_closest(loc[0], kinds)}"
    place = RetryOptions if loc[2:3] == ["retry"] and len(loc) > 3 else kinds[loc[0]]  # noqa: PLR2004 - below retry
    return f"there is no option {'.'.join(loc[2:])}{_closest(loc[-1], place.model_fields)}"


def _closest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
