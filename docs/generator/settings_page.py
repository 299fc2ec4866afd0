"""The page of the settings: every variable with its default, its bounds and its meaning, as the code has them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import actors
import pipeline
from docs.generator.markdown import code, table
from docs.generator.markdown import page as written
from pipeline.llm.providers import Providers
from pipeline.sections import Section
from pipeline.settings import SecretUrl, Settings, variable

_BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {}", "pattern": "{}"}
_ABOUT = """\
Settings come from the environment, then from a file `.env` where the program is started. A wrong value, or a name
that is close to one of these, ends the program before it does anything, and every mistake is told at once. Times are
in seconds unless they say otherwise; sizes may be written `64KiB`; lists have commas.
"""
_HOME = "~/.local/state/dramaturg"


def sections() -> list[type[Section]]:
    """Give every section of settings, by its prefix."""
    for package in (pipeline, actors):
        _import_all(package)
    return sorted(_below(Section), key=lambda section: section.prefix)


def rows(fields: dict[str, FieldInfo], name_of: Any) -> Iterator[list[str]]:
    """Give a row for each field: variable, default, bounds, meaning."""
    for name, field in fields.items():
        yield [code(name_of(name)), _default(field), _bounds(field), field.description or _meaning(name)]


def page() -> str:
    """Write the page."""
    head = ["variable", "default", "may be", "meaning"]
    parts = [
        _ABOUT,
        "## Everywhere",
        table(head, rows(Settings.model_fields, variable)),
    ]
    for section in sections():
        title = section.prefix.removeprefix("DRAMATURG_").strip("_").capitalize()
        name_of = (section.prefix + "{}").format
        fields = {name.upper(): field for name, field in section.model_fields.items()}
        parts += [f"## {title}", _said(section), table(head, rows(fields, name_of))]
    keys = {name.upper(): field for name, field in Providers.model_fields.items()}
    parts += ["## Providers of models", _said(Providers), table(head, rows(keys, str))]
    return written("Settings", *parts)


def _said(section: type[Any]) -> str:
    return (section.__doc__ or "").partition("\n\n")[0].replace("\n    ", " ").replace("``", "`")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return code(_HOME) if field.default_factory.__name__ == "default_home" else ""
    value = field.default
    if value is PydanticUndefined or value in {None, ""} or value == () or isinstance(value, SecretStr | SecretUrl):
        return ""
    return code(_written(value))


def _written(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.15g}"
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, tuple | list) and value and isinstance(value[0], BaseModel):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, tuple | list):
        return ",".join(map(_written, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)


def _bounds(field: FieldInfo) -> str:
    words = _words(field.annotation)
    return ", ".join([*words, *(told for one in [*_inner(field.annotation), *field.metadata] for told in _bound(one))])


def _bound(constraint: Any) -> Iterator[str]:
    for name, told in _BOUNDS.items():
        value = getattr(constraint, name, None)
        if value is not None:
            shown = _written(value)
            yield told.format(code(shown) if name == "pattern" else shown)


def _inner(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]


def _words(annotation: Any) -> list[str]:
    """Give the choices of a setting that has few, or what it is made of."""
    if get_origin(annotation) is Annotated:
        return _words(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return [", ".join(code(str(choice)) for choice in get_args(annotation))]
    if get_origin(annotation) in {Union, UnionType}:
        return [word for one in get_args(annotation) if one is not type(None) for word in _words(one)]
    if annotation is bool:
        return [f"{code('true')}, {code('false')}"]
    return ["a secret"] if annotation in {SecretStr, SecretUrl} else []


def _meaning(name: str) -> str:
    words = name.lower().replace("_", " ")
    return f"{words}: the former one, while it is changed" if " old " in f" {words} " else words


def _below(section: type[Section]) -> Iterator[type[Section]]:
    for one in section.__subclasses__():
        yield one
        yield from _below(one)


def _import_all(package: ModuleType) -> None:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name in {"pipeline.app", "pipeline.migrations"} or found.name.endswith("__main__"):
            continue  # the first opens what it is configured with, the second belongs to its own runner
        module = importlib.import_module(found.name)
        if found.ispkg:
            _import_all(module)
