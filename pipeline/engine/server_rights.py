"""Which commands of Redis are used here, what a user needs who may do no more, and what the present user may not."""

from __future__ import annotations

from collections.abc import Iterable

import redis

from pipeline.engine import keys


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What the Lua files call.
SCRIPTED = _named(
    """
    COPY DECRBY DEL EXISTS GET HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HRANDFIELD HSET HSETNX
    INCR INCRBY INFO LLEN LPUSH LRANGE LTRIM PEXPIRE PTTL PUBLISH RPUSH SADD SET SMEMBERS SREM TIME UNLINK XADD XINFO
    XLEN XRANGE XSETID XTRIM ZADD ZCARD ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYSCORE ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE
    ZREVRANGE ZSCORE
    """
)

#: What Python calls beside them: workers, senders, the scheduler, the web server and commands.
CALLED = _named(
    """
    BLPOP CLIENT|SETNAME DEL EVAL EVALSHA EXISTS GET HGET HGETALL HKEYS HLEN HMGET HSCAN HVALS INFO LINDEX LPUSH LRANGE
    PEXPIRE PING PUBLISH ROLE SCARD SELECT SET SMEMBERS SSCAN SUBSCRIBE TIME UNSUBSCRIBE WAIT XLEN ZCARD ZCOUNT ZRANGE
    ZREVRANGE ZREVRANGEBYSCORE ZSCAN ZSCORE
    """
)

#: What a backup needs beyond that (pipeline.engine.snapshot), and putting one back.
BACKUP = _named("CLIENT|PAUSE CLIENT|TRACKING CLIENT|UNPAUSE PEXPIREAT PEXPIRETIME SCAN TYPE")

#: What only looks: for ``deploy-check`` and for people who are to change nothing.
LOOKING = _named(
    """
    CLIENT|SETNAME EXISTS GET HGET HGETALL HKEYS HLEN HMGET HSCAN HVALS INFO LINDEX LLEN LRANGE PING ROLE SCARD SELECT
    SMEMBERS SSCAN TIME XLEN XRANGE ZCARD ZCOUNT ZRANGE ZREVRANGE ZREVRANGEBYSCORE ZSCAN ZSCORE
    """
)

#: What nobody needs for work, and would be the end of it.
DANGEROUS = (
    "FLUSHALL",
    "FLUSHDB",
    "KEYS",
    "CONFIG|SET",
    "SHUTDOWN",
    "DEBUG",
    "REPLICAOF",
    "SCRIPT|FLUSH",
    "MODULE|LOAD",
)

#: Where a check of a server writes (server_checks.py): it has no namespace.
CHECKED = "dramaturg:check:*"

# A command is checked with its words: these are the fewest that each takes, K a key and C a channel of ours.
_WORDS = {
    "BLPOP": "K 0", "CLIENT|PAUSE": "CLIENT PAUSE 1", "CLIENT|SETNAME": "CLIENT SETNAME x",
    "CLIENT|TRACKING": "CLIENT TRACKING ON", "CLIENT|UNPAUSE": "CLIENT UNPAUSE", "CONFIG|SET": "CONFIG SET x y",
    "COPY": "K K", "DECRBY": "K 1", "EVAL": "x 0", "EVALSHA": "x 0", "HDEL": "K f", "HEXISTS": "K f", "HGET": "K f",
    "HINCRBY": "K f 1", "HINCRBYFLOAT": "K f 1", "HMGET": "K f", "HSCAN": "K 0", "HSET": "K f v", "HSETNX": "K f v",
    "INCRBY": "K 1", "INFO": "", "KEYS": "x", "LINDEX": "K 0", "LPUSH": "K v", "LRANGE": "K 0 0", "LTRIM": "K 0 0",
    "PEXPIRE": "K 1", "PEXPIREAT": "K 1", "PING": "", "PUBLISH": "C v", "ROLE": "", "RPUSH": "K v", "SADD": "K v",
    "SCAN": "0", "SELECT": "0", "SET": "K v", "SREM": "K v", "SSCAN": "K 0", "SUBSCRIBE": "C", "TIME": "",
    "UNSUBSCRIBE": "", "WAIT": "0 0", "XADD": "K * f v", "XINFO": "XINFO STREAM K", "XRANGE": "K - +",
    "XSETID": "K 0-1",
    "XTRIM": "K MAXLEN 0", "ZADD": "K 1 m", "ZCOUNT": "K 0 1", "ZRANGE": "K 0 1", "ZRANGEBYSCORE": "K 0 1",
    "ZREM": "K m", "ZREMRANGEBYRANK": "K 0 1", "ZREMRANGEBYSCORE": "K 0 1", "ZREVRANGE": "K 0 1",
    "ZREVRANGEBYSCORE": "K 1 0", "ZSCAN": "K 0", "ZSCORE": "K m", "FLUSHALL": "", "FLUSHDB": "", "SHUTDOWN": "",
    "DEBUG": "SLEEP 0", "REPLICAOF": "NO ONE", "SCRIPT|FLUSH": "SCRIPT FLUSH", "MODULE|LOAD": "MODULE LOAD x",
}  # fmt: skip

#: Asks for each command whether the user of this connection may call it.
_ASK = """
local denied = {}
for _, line in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(line, '%S+') do words[#words + 1] = word end
  if not redis.acl_check_cmd(unpack(words)) then denied[#denied + 1] = line end
end
return denied
"""


def denied(client: redis.Redis, namespace: str, commands: Iterable[str]) -> list[str]:
    """Give those of the commands that the user of a client may not call on the keys of a namespace.

    Raises what redis-py raises, if not even a script may be run.
    """
    key = f"{keys.prefix(namespace)}check"
    lines = {_line(command, key): command for command in sorted(commands)}
    found = client.eval(_ASK, 0, *lines)
    assert isinstance(found, list)
    return [lines[line.decode()] for line in found]


def acl_file(namespace: str = "dramaturg") -> str:
    """Give the users of a namespace as a Redis ACL file has them, passwords to be put in; nobody else is let in."""
    return "user default off\n" + "".join(
        f"{_user(name, namespace, commands, writes=writes)}\n"
        for name, commands, writes in (
            (namespace, SCRIPTED | CALLED, True),
            (f"{namespace}-backup", SCRIPTED | CALLED | BACKUP, True),
            (f"{namespace}-look", LOOKING, False),
        )
    )


def _user(name: str, namespace: str, commands: frozenset[str], *, writes: bool) -> str:
    prefix = keys.prefix(namespace)
    places = f"~{prefix}* ~{CHECKED} &{prefix}*" if writes else f"%R~{prefix}*"
    allowed = " ".join(f"+{command.lower()}" for command in sorted(commands))
    return f"user {name} on >PASSWORD-OF-{name.upper()} resetkeys resetchannels {places} -@all {allowed}"


def _line(command: str, key: str) -> str:
    words = _WORDS.get(command, "K").split()
    if "|" not in command and command != "XINFO":
        words = [command, *words]
    return " ".join(key if word in {"K", "C"} else word for word in words)
