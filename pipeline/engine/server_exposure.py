"""Tells whether anybody in the network may use a Redis without a password."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import redis

from pipeline.engine.connection import connect
from pipeline.finding import Finding

_MEND = "Give its users passwords (requirepass, or deploy/redis/users.acl), and put one in REDIS_URL."


def check_exposure(client: redis.Redis) -> list[Finding]:
    """Say if the server is open to a network: we got in from one without a password, or it lets everybody in."""
    told = _address(client)
    if told is None:
        return _check_listening(client)
    host, trusted = told
    if is_loopback(host):
        return _check_listening(client)
    if trusted:
        return []
    what = f"Redis at {host} is not on this machine's own address, and lets us in without a password."
    return [Finding("error", what, _MEND, "redis.password")]


def check_door(url: str) -> list[Finding]:
    """Knock without a password at a server that wanted one from us; say if it opens all the same."""
    with connect(url) as ours:
        kwargs = _settings(ours)
        host = kwargs.get("host")
        if not host or is_loopback(str(host)) or not _trusted(kwargs):
            return []
        pool = ours.connection_pool
        words = {name: value for name, value in kwargs.items() if name not in {"username", "password"}}
        stranger = pool.connection_class(**words)
    try:
        stranger.connect()
        stranger.send_command("PING")
        stranger.read_response()
    except redis.RedisError:
        return []
    finally:
        stranger.disconnect()
    what = f"Redis at {host} wants a password from the user that we are, and lets anybody in without one."
    return [Finding("error", what, "Switch that user off: ACL SETUSER default off.", "redis.password")]


def is_here(client: redis.Redis) -> bool:
    """Say whether the server runs on this machine: at a socket, or at a loopback address."""
    told = _address(client)
    return told is None or is_loopback(told[0])


def is_loopback(host: str) -> bool:
    """Say whether every address of a host is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in found)


def _settings(client: redis.Redis) -> dict[str, Any]:
    found: dict[str, Any] = getattr(getattr(client, "connection_pool", None), "connection_kwargs", {})
    return found


def _trusted(kwargs: dict[str, Any]) -> bool:
    return bool(kwargs.get("password") or kwargs.get("credential_provider") or kwargs.get("ssl_certfile"))


def _address(client: redis.Redis) -> tuple[str, bool] | None:
    """Give the host that a client connects to, and whether it shows who it is; nothing for a socket."""
    kwargs = _settings(client)
    if host := kwargs.get("host"):
        return str(host), _trusted(kwargs)
    if kwargs.get("path"):
        return None
    try:  # behind a sentinel, or in a cluster: the connection knows where it went
        connection = client.connection_pool.get_connection()
    except (redis.RedisError, AttributeError):
        return None
    try:
        host = getattr(connection, "host", None)
    finally:
        client.connection_pool.release(connection)
    return (str(host), _trusted(kwargs)) if host else None


def _check_listening(client: redis.Redis) -> list[Finding]:
    """Look at the addresses that a server of this machine listens at, as far as we may ask."""
    try:
        told: dict[Any, Any] = client.config_get("port", "tls-port", "bind", "protected-mode", "requirepass")
    except redis.RedisError:
        return []  # not everybody may ask, and who asks with rights of its own has a password
    if not int(told.get("port") or 0) and not int(told.get("tls-port") or 0):
        return []
    if told.get("protected-mode", "yes") == "yes" or told.get("requirepass"):
        return []
    addresses = [word.lstrip("-") for word in str(told.get("bind", "")).split()] or ["*"]
    outside = [one for one in addresses if one in {"*", "::*"} or not is_loopback(one)]
    if not outside or not _opens_to_all(client):
        return []
    what = f"Redis listens at {' '.join(outside)} with protected-mode off, and lets anybody in without a password."
    return [Finding("error", what, _MEND, "redis.password")]


def _opens_to_all(client: redis.Redis) -> bool:
    try:
        user: Any = client.acl_getuser("default")
    except redis.RedisError:
        return True
    flags = {str(flag) for flag in (user or {}).get("flags", ())}
    return "on" in flags and "nopass" in flags
