"""Health: what a failure says of whoever was called; most say nothing."""

from __future__ import annotations

from typing import Literal

from pipeline.errors import Kind

#: ok, fail (it is not well), down (it is out of reach), none (says nothing), limited (for a time), broken (the key or
#: the account).
Health = Literal["ok", "fail", "down", "none", "limited", "broken"]

#: Why a failure is one, where that says that nobody could be reached.
DOWN = frozenset({"connection refused", "name not found", "network unreachable", "connect timeout", "certificate"})

#: Why a failure is one, where it is the key's or the account's.
ACCOUNT = frozenset({"auth", "quota"})


def health_of(kind: Kind | None, why: str) -> Health:
    """Give what an attempt, or a call, that failed with ``kind`` says; one that did not fail is ``ok``.

    Validation and what a 4xx stands for say nothing of health, but 408 and 429 (Nygard, "Release It!", 2nd ed., 2018).
    """
    if kind is None:
        return "ok"
    if kind == "rate_limited":
        return "limited"
    if why in ACCOUNT:
        return "broken"
    if why in DOWN:
        return "down"
    return "fail" if kind in {"transient", "timeout"} else "none"
