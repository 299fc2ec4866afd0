"""Tokens that let a browser listen to one run or one flow, for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import timedelta
from typing import Literal

#: What can be listened to.
Kind = Literal["runs", "flows"]

#: How long a token lasts unless it says otherwise.
LIFETIME = timedelta(minutes=15)

#: Bytes of a secret, at least.
SHORTEST = 16


class EventTokens:
    """Issues and checks tokens: the kind and id they are for and their end, signed with HMAC-SHA256.

    Every process that checks needs the same ``secret``, of 16 bytes or more; raises ``ValueError`` for a shorter one.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            raise ValueError(f"the secret of event tokens has {len(secret)} bytes; it needs {SHORTEST} or more")
        self._secret = secret

    def issue(self, owner: str, *, kind: Kind = "runs", lifetime: timedelta = LIFETIME) -> str:
        """Give a token for the events of one run, or of one flow."""
        until = int(time.time() + lifetime.total_seconds())
        return f"{until}.{self._sign(kind, owner, until)}"

    def allows(self, token: str, kind: str, owner: str) -> bool:
        """Tell whether a token is for this run or flow, and has not ended."""
        until, _, signature = token.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) <= 12 and signature.isascii()):  # noqa: PLR2004 - 30,000 years
            return False
        genuine = hmac.compare_digest(signature, self._sign(kind, owner, int(until)))
        return genuine and time.time() < int(until)

    def _sign(self, kind: str, owner: str, until: int) -> str:
        digest = hmac.new(self._secret, f"{kind}/{owner}/{until}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
