"""Reads ``REDIS_URL``: one server, a primary that Sentinels know, or the nodes of a cluster.

::

    redis://user:password@host:6379/0                                 rediss:// with TLS
    unix:///run/redis/redis.sock?db=0
    redis+sentinel://user:password@host1:26379,host2:26379/mymaster/0 rediss+sentinel:// with TLS
    redis+cluster://user:password@host1:7000,host2:7001/              rediss+cluster:// with TLS

Sentinels that want a password of their own get it in the query: ``?sentinel_username=...&sentinel_password=...``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from pipeline.settings import Settings

Kind = Literal["server", "sentinel", "cluster"]

_PORTS: dict[Kind, int] = {"server": 6379, "sentinel": 26379, "cluster": 6379}

_SCHEMES = "must begin with redis://, rediss:// or unix://, or with redis+sentinel:// or redis+cluster:// (rediss+...)"

_BAD_PORT = "has a port that is no number; in a password write / as %2F and @ as %40"

#: What this project says in the query, and redis-py does not know.
_OURS = ("namespace", "wait_replicas", "wait_ms", "sentinel_username", "sentinel_password")


@dataclass(frozen=True)
class Address:
    """Where Redis is. ``nodes`` are Sentinels or cluster nodes; ``options`` is one server's address for redis-py.

    ``service`` is what Sentinels call the primary, ``namespace`` whose slot of a cluster is meant. ``replicas`` have to
    confirm what is accepted, within ``wait_ms``; none if it is 0.
    """

    kind: Kind
    options: str
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""
    namespace: str = ""
    replicas: int = 0
    wait_ms: int = 1_000

    def __repr__(self) -> str:
        return f"<{self.kind} {self.nodes}>"  # without what is secret

    @classmethod
    def of(cls, url: str) -> Address:
        """Read an address; raises ``ValueError`` that says what is wrong with it, and shows nothing of it."""
        parts = urlsplit(url)
        scheme, _, form = parts.scheme.partition("+")
        if scheme not in {"redis", "rediss", "unix"} or form not in {"", "sentinel", "cluster"}:
            raise ValueError(_SCHEMES)
        if scheme == "unix" and (form or not parts.path):
            raise ValueError(_SCHEMES if form else "names no socket, as in unix:///run/redis/redis.sock")
        kind = cast("Kind", form or "server")
        ours, others = _split(parts.query)
        replicas, wait_ms = _number(ours, "wait_replicas", 0), _number(ours, "wait_ms", 1_000)
        if kind == "server":
            if scheme != "unix":
                _port(parts.netloc.rpartition("@")[2], kind)
            plain = _with(url, others) if ours else url
            return cls("server", plain, namespace=ours.get("namespace", ""), replicas=replicas, wait_ms=wait_ms)
        login, at, hosts = parts.netloc.rpartition("@")
        nodes = tuple(_port(host, kind) for host in hosts.split(",") if host)
        if not nodes:
            raise ValueError(f"names no host, as in redis+{kind}://host1:{_PORTS[kind]},host2:{_PORTS[kind]}/")
        service, database = _path(parts.path, kind)
        options = f"{scheme}://{login}{at}somewhere:1/{database}"
        return cls(
            kind,
            _with(options, others),
            nodes,
            service,
            ours.get("sentinel_username", ""),
            ours.get("sentinel_password", ""),
            ours.get("namespace", ""),
            replicas,
            wait_ms,
        )


def completed(settings: Settings) -> str:
    """Return ``REDIS_URL`` with what else of the settings a connection has to know, if it has to know any."""
    url = "" if settings.redis_url is None else settings.redis_url.get_secret_value()
    wanted: dict[str, str | int] = {}
    if Address.of(url).kind == "cluster":
        wanted["namespace"] = settings.namespace
    if settings.wait_replicas:
        wanted["wait_replicas"] = settings.wait_replicas
        wanted["wait_ms"] = int(settings.wait_timeout.total_seconds() * 1000)
    if not wanted:
        return url
    kept = [pair for pair in parse_qsl(urlsplit(url).query) if pair[0] not in wanted]
    return _with(url, [*kept, *((name, str(value)) for name, value in wanted.items())])


def _with(url: str, query: list[tuple[str, str]]) -> str:
    # urllib would make unix:/path of unix:///path.
    place = url.partition("?")[0]
    return f"{place}?{urlencode(query, quote_via=quote)}" if query else place


def _split(query: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    said = parse_qsl(query)
    return {name: value for name, value in said if name in _OURS}, [pair for pair in said if pair[0] not in _OURS]


def _number(said: dict[str, str], name: str, otherwise: int) -> int:
    text = said.get(name, str(otherwise))
    if not text.isdecimal():
        raise ValueError(f"says something else than a number for {name}")
    return int(text)


def _port(host: str, kind: Kind) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname or "localhost", parts.port or _PORTS[kind]
    except ValueError:
        raise ValueError(_BAD_PORT) from None


def _path(path: str, kind: Kind) -> tuple[str, int]:
    parts = [unquote(part) for part in path.split("/") if part]
    if kind == "cluster":
        if parts not in ([], ["0"]):
            raise ValueError("names a database, and a cluster has only number 0")
        return "", 0
    if not 1 <= len(parts) <= 2 or not (parts[1:] or ["0"])[0].isdecimal():  # noqa: PLR2004 - a name, and a number
        raise ValueError("does not end in the primary's name and a database, as in /mymaster/0")
    return parts[0], int((parts[1:] or ["0"])[0])
