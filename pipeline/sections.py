"""Sections: settings of one domain, read when they are first used; all of their mistakes are told at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.environment import SettingsError, close_to, explain, found_in, secrets_folder
from pipeline.settings import SECTIONS


class Section(BaseSettings):
    """Settings of one domain: a variable is the field's name in capitals after the ``prefix`` of the section.

    A prefix begins with ``DRAMATURG_`` and one of the words in ``pipeline.settings.SECTIONS``. Secrets are fields of
    type ``SecretStr``; a variable that ends in ``_KEY``, ``_TOKEN``, ``_SECRET`` or ``_PASSWORD`` is never logged.
    """

    prefix: ClassVar[str]

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.prefix.removeprefix("DRAMATURG_").startswith(SECTIONS):
            raise TypeError(f"{cls.__name__}: no section of settings begins with {cls.prefix}")

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read the environment, then ``env_file``; raises ``SettingsError`` that names every mistake."""
        found = found_in(env_file)
        names = {cls.prefix + field.upper() for field in cls.model_fields}
        mistakes = [
            close_to(name, names) for name in sorted(found) if name.startswith(cls.prefix) and name not in names
        ]
        try:
            section = cls(  # type: ignore[call-arg] # pydantic-settings' own way
                _env_prefix=cls.prefix, _env_file=env_file, _secrets_dir=secrets_folder(env_file)
            )
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False):
                name = cls.prefix + str(detail["loc"][0]).upper() if detail["loc"] else cls.prefix
                mistakes.append(explain(name, detail, found))
        if mistakes:
            raise SettingsError(mistakes)
        return section

    @classmethod
    def current(cls) -> Self:
        """Give what is in force in this process, as it was at the first use."""
        section: Self = _current(cls)
        return section


@cache
def _current(section: type[Any]) -> Any:
    return section.load()


def forget() -> None:
    """Let every section be read anew at its next use: for a program that changed its own environment."""
    _current.cache_clear()
