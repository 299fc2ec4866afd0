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
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from pipeline import duration
from pipeline.breaker import Breaker
from pipeline.budget import Budget
from pipeline.environment import SettingsError
from pipeline.errors import InvalidInput
from pipeline.limit import Limit
from pipeline.llm.catalogue import Known
from pipeline.llm.names import parse_model

T = TypeVar("T")
S = TypeVar("S", bound="_Section")

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
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise ValueError(f"must be a number, and is {_shown(value)}")
    return float(value)


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise ValueError(f"must be an amount of dollars, and is {_shown(value)}")
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


#: The sections, each a table of names.
SECTIONS: dict[str, type[_Section]] = {
    "actors": ActorOptions,
    "queues": QueueOptions,
    "limits": LimitOptions,
    "breakers": BreakerOptions,
    "budgets": BudgetOptions,
    "models": ModelOptions,
}


class PolicyFile:
    """A policy file that was read, and holds together as far as can be known without the actors.

    Raises ``PolicyFileError`` that names every mistake at once.
    """

    def __init__(self, path: Path, found: Mapping[str, Any]) -> None:
        self.path = path
        self._mistakes = [
            f"{spell_section(name)}: there is no such section{_closest(name, SECTIONS)}"
            for name in found
            if name not in SECTIONS
        ]
        self.actors = self._options(found, "actors", ActorOptions)
        self.queues = self._options(found, "queues", QueueOptions)
        self.limits = self._made("limits", self._options(found, "limits", LimitOptions), Limit)
        self.breakers = self._made("breakers", self._options(found, "breakers", BreakerOptions), Breaker)
        self.budgets = self._made("budgets", self._options(found, "budgets", BudgetOptions), Budget)
        self.models = self._known(self._options(found, "models", ModelOptions))
        if self._mistakes:
            raise PolicyFileError(path, self._mistakes)

    def _options(self, found: Mapping[str, Any], section: str, options: type[S]) -> dict[str, S]:
        table, read = found.get(section, {}), {}
        if not isinstance(table, dict):
            self._mistakes.append(f"{spell_section(section)}: must hold tables, and is {table!r}")
            return {}
        for name, said in table.items():
            try:
                read[name] = options.model_validate(said)
            except ValidationError as error:
                details = error.errors(include_url=False, include_context=False)
                self._mistakes += [_mistake(spell_section(section, name), options, detail) for detail in details]
        return read

    def _made(self, section: str, said: Mapping[str, _Section], make: Callable[..., T]) -> dict[str, T]:
        made = {}
        for name, options in said.items():
            try:
                made[name] = make(name, **options.said())
            except ValueError as error:
                self._mistakes.append(f"{spell_section(section, name)}: {error}")
        return made

    def _known(self, said: Mapping[str, ModelOptions]) -> dict[str, Known]:
        known = {}
        for name, options in said.items():
            try:
                known[_model(name)] = Known(**options.said())
            except ValueError as error:
                self._mistakes.append(f"{spell_section('models', name)}: {error}")
            if (options.input is None) != (options.output is None):
                self._mistakes.append(f"{spell_section('models', name)}: a price has both, input and output")
        return known


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
    return PolicyFile(path, found)


def spell_section(*names: str) -> str:
    """Give a section as it stands in the file."""
    return f"[{'.'.join(name if _BARE.fullmatch(name) else json.dumps(name) for name in names)}]"


def _mistake(section: str, options: type[_Section], detail: ErrorDetails) -> str:
    loc = detail["loc"]
    option = ".".join(str(part) for part in loc if isinstance(part, str))
    if detail["type"] == "extra_forbidden":
        known = RetryOptions if loc[0] == "retry" else options
        return f"{section}: there is no option {option}{_closest(str(loc[-1]), known.model_fields)}"
    where = f"{section} {option}".rstrip()
    if detail["type"] == "model_type":
        return f"{where}: must be a table of options, and is {_shown(detail['input'])}"
    said = detail["msg"]
    if detail["type"] == "value_error":
        return f"{where}: {said.removeprefix('Value error, ')}"
    return f"{where}: {said[:1].lower()}{said[1:]}, and is {_shown(detail['input'])}"


def _shown(given: object) -> str:
    return str(given) if isinstance(given, Decimal) else repr(given)[:80]


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
