"""What is set from outside: environment variables and a ``.env`` file."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, PrivateAttr, Secret, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.database.address import kind_of
from pipeline.engine.address import Address
from pipeline.engine.records import Retention
from pipeline.environment import SECRET_NAME, SettingsError, close_to, explain, found_in, secrets_folder
from pipeline.errors import InvalidInput

PREFIX = "DRAMATURG_"

#: Variables that begin like ours and belong to the tests and to the worker's own bookkeeping.
_NOT_SETTINGS = frozenset({"DRAMATURG_CI", "DRAMATURG_WORKER_SLOT"})


#: What the names of settings begin with that belong to one domain (see pipeline.sections).
SECTIONS = (
    "BACKUP_",
    "CAMPAIGNS_",
    "CRM_",
    "FETCH_",
    "LEADS_",
    "MAILCHIMP_",
    "PROBES_",
    "STATS_",
    "WEBHOOKS_",
    "WEB_",
    "WHATSAPP_",
)

_USERINFO = re.compile(r"://[^\s/?#\"'<>]*@")
_PASSWORD_FIELD = re.compile(
    r"([?&](?:sentinel_)?(?:password|username|user|token|api_key)=)[^&#\s\"'<>]*", re.IGNORECASE
)


class SecretUrl(Secret[str]):
    """An address whose user and password are not shown when it is printed."""

    def _display(self) -> str:
        return hide_userinfo(self.get_secret_value())


def hide_userinfo(text: str) -> str:
    """Return the text with ``***`` in place of the user and password of every address in it."""
    return _PASSWORD_FIELD.sub(r"\1***", _USERINFO.sub("://***@", text))


def default_home() -> Path:
    """Return the per-user folder for state: ``XDG_STATE_HOME/dramaturg`` or ``~/.local/state/dramaturg``."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # noqa: PTH117 - an empty or relative value counts as not set, says the XDG specification
        return Path(state) / "dramaturg"
    try:
        return Path.home() / ".local" / "state" / "dramaturg"
    except RuntimeError:  # a user without a home directory, as in some containers
        return Path(tempfile.gettempdir()) / f"dramaturg-home-{os.getuid()}"


def _seconds(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(name for part in value.split(",") if (name := part.strip()))
    return value


def _redis_url(value: SecretUrl) -> SecretUrl:
    Address.of(value.get_secret_value())
    return value


def _database_url(value: SecretUrl) -> SecretUrl:
    kind_of(value.get_secret_value())
    return value


def _models(value: tuple[str, ...]) -> tuple[str, ...]:
    from pipeline.llm.names import parse_model

    mistakes = []
    for name in value:
        try:
            parse_model(name)
        except InvalidInput as error:
            mistakes.append(str(error))
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return value


def _folder(value: Path) -> Path:
    return Path(os.path.abspath(value.expanduser()))  # noqa: PTH100 - resolve() would follow links, and wants the folder


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
Folder = Annotated[Path, AfterValidator(_folder)]


class Settings(BaseSettings):
    """Everything that can be set. A variable is the field's name in capitals after ``DRAMATURG_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    home: Folder = Field(default_factory=default_home, description="folder for state: database, blobs, Redis data")
    redis_url: Annotated[SecretUrl, AfterValidator(_redis_url)] | None = Field(
        default=None, validation_alias="REDIS_URL", description="the Redis to use; none: one is found and started"
    )
    database_url: Annotated[SecretUrl, AfterValidator(_database_url)] | None = Field(
        default=None, validation_alias="DATABASE_URL", description="the database; none: SQLite in the home folder"
    )
    blobs: Folder | None = Field(default=None, description="folder for large payloads; none: in the home folder")
    namespace: str = Field(
        default="dramaturg",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="what every key in Redis begins with: two installations may share one Redis",
    )
    processes: int = Field(default=2, ge=1, le=256, description="worker processes")
    threads: int = Field(default=8, ge=1, le=512, description="threads of a worker process")
    policies: Folder | None = Field(
        default=None, description="the policy file: a TOML file that says otherwise than the code; none: there is none"
    )
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_models)] = Field(
        default=("offline",),
        min_length=1,
        description="language models in the order they are tried, with commas between",
    )
    lease: Seconds = Field(
        default=timedelta(seconds=8),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="how long a silent worker keeps its runs, in seconds",
    )
    shutdown_grace: Seconds = Field(
        default=timedelta(seconds=25),
        ge=timedelta(0),
        le=timedelta(hours=1),
        description="how long a stopping worker lets runs finish, in seconds",
    )
    keep_completed: int = Field(
        default=1_000, ge=0, le=10_000_000, description="completed runs, flows and cancelled runs kept in Redis, each"
    )
    keep_completed_for: Seconds = Field(
        default=timedelta(hours=24), ge=timedelta(minutes=1), description="how long they are kept, in seconds"
    )
    keep_dead: int = Field(default=5_000, ge=0, le=10_000_000, description="dead runs kept in Redis")
    keep_dead_for: Seconds = Field(
        default=timedelta(days=7), ge=timedelta(minutes=1), description="how long dead runs are kept, in seconds"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = Field(default="info", description="the least important messages to log")
    log_format: Literal["auto", "json", "ecs", "console"] = Field(
        default="auto", description="how log lines look; auto: for people on a terminal, JSON anywhere else"
    )
    payload_limit_bytes: ByteSize = Field(
        default=ByteSize(256 * 1024),
        ge=1024,
        le=64 * 1024 * 1024,
        description="the largest payload a message may carry; what is larger belongs in the blob store",
    )
    inline_limit_bytes: ByteSize = Field(
        default=ByteSize(16 * 1024),
        ge=0,
        le=64 * 1024 * 1024,
        description="the largest result or checkpoint kept in Redis; what is larger goes to the blob store",
    )
    secrets_folder: Folder | None = Field(
        default=None, description="a folder of files that hold secrets, each named as the variable it stands for"
    )
    wait_replicas: int = Field(
        default=0, ge=0, le=5, description="replicas that have to confirm what is accepted; 0: none is asked"
    )
    wait_timeout: Seconds = Field(
        default=timedelta(seconds=1),
        ge=timedelta(milliseconds=10),
        le=timedelta(seconds=4),
        description="how long they may take to, in seconds",
    )
    allow_unsafe_redis: bool = Field(
        default=False, description="start although Redis may lose or evict what it was given"
    )
    _api_keys: dict[str, SecretStr] = PrivateAttr(default_factory=dict)
    #: The secrets of the sections.
    _others: set[str] = PrivateAttr(default_factory=set)

    def retention(self) -> dict[str, Retention]:
        """Give how many finished runs of each state are kept, and for how long."""
        done = Retention(self.keep_completed, self.keep_completed_for)
        dead = Retention(self.keep_dead, self.keep_dead_for)
        return {"completed": done, "dead": dead, "cancelled": done, "flows": done}

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read the environment, then ``env_file`` for what is not set there; name all mistakes at once."""
        found = found_in(env_file)
        ours = sorted(name for name in found if name.startswith(PREFIX))
        mistakes = [
            close_to(name, _known() - _NOT_SETTINGS)
            for name in ours
            if name not in _known() and not name.removeprefix(PREFIX).startswith(SECTIONS)
        ]
        try:
            settings = cls(_env_file=env_file, _secrets_dir=secrets_folder(env_file))  # type: ignore[call-arg] # pydantic-settings' own way
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False):
                field = str(detail["loc"][0]) if detail["loc"] else ""
                name = variable(field) if field in cls.model_fields else field
                mistakes.append(explain(name, detail, found))
        if mistakes:
            raise SettingsError(mistakes)
        settings._api_keys.update(
            (name, SecretStr(value)) for name, value in found.items() if name.endswith("_API_KEY") and value
        )
        settings._others.update(
            value
            for name, value in found.items()
            if name.startswith(PREFIX) and SECRET_NAME.search(name) and value and name not in settings._api_keys
        )
        return settings

    @property
    def api_keys(self) -> Mapping[str, SecretStr]:
        """Every ``..._API_KEY`` that is set, by the name of its variable."""
        return MappingProxyType(self._api_keys)

    @property
    def redis_folder(self) -> Path:
        """Where an embedded Redis keeps its data."""
        return self.home / "redis"

    @property
    def blobs_folder(self) -> Path:
        """Where large payloads are kept."""
        return self.blobs or self.home / "blobs"

    @property
    def database(self) -> SecretUrl:
        """The database that is used."""
        return self.database_url or SecretUrl(f"sqlite:///{self.home / 'dramaturg.db'}")

    def secrets(self) -> frozenset[str]:
        """Every value that must never be printed."""
        found = {key.get_secret_value() for key in self._api_keys.values()} | self._others
        for address in (self.redis_url, self.database_url):
            if address is not None:
                url = urlsplit(address.get_secret_value())
                query = parse_qs(url.query)
                found |= {url.password or "", unquote(url.password or "")}
                found.update(*(query.get(name, []) for name in ("password", "sentinel_password")))
        return frozenset(found - {""})


def _known() -> frozenset[str]:
    return _NOT_SETTINGS | {variable(name) for name in Settings.model_fields}


def variable(field: str) -> str:
    """Return the environment variable that sets a field."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else PREFIX + field.upper()
