"""Tokens for one run or one flow, and for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.event_tokens import EventTokens

TOKENS = EventTokens(b"0123456789abcdef")


def test_a_token_is_for_what_it_was_issued_for() -> None:
    """One run, or one flow, of this secret."""
    token = TOKENS.issue("r1")
    assert TOKENS.allows(token, "runs", "r1")
    assert not TOKENS.allows(token, "runs", "r2")
    assert not TOKENS.allows(token, "flows", "r1")
    assert TOKENS.allows(TOKENS.issue("f1", kind="flows"), "flows", "f1")
    assert not EventTokens(b"fedcba9876543210").allows(token, "runs", "r1")


def test_a_token_ends() -> None:
    """And nobody can move its end."""
    assert not TOKENS.allows(TOKENS.issue("r1", lifetime=timedelta(seconds=0)), "runs", "r1")
    until, signature = TOKENS.issue("r1").split(".")
    assert not TOKENS.allows(f"{int(until) + 1}.{signature}", "runs", "r1")


@pytest.mark.parametrize(
    "token", ["", ".", "1.", "99999999999.", "x.y", "٣٣٣٣٣٣٣٣٣٣٣.a", "9" * 5000 + ".a", "99999999999.ü"]
)
def test_nonsense_is_refused(token: str) -> None:
    """Whatever it looks like."""
    assert not TOKENS.allows(token, "runs", "r1")


def test_a_short_secret_is_refused() -> None:
    """It could be guessed."""
    with pytest.raises(ValueError, match="16 or more"):
        EventTokens(b"secret")
