"""An actor that says secrets in every way it can think of; each kind of secret is a value of its own."""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

from pipeline import Permanent, Retry, Run, actor
from pipeline.llm import generate

ONCE = Retry(attempts=1)


class Answer(BaseModel):
    """What the model should say."""

    text: str


class Trusting(BaseModel):
    """A payload with a secret in it, which is refused."""

    key: SecretStr


@actor(name="test.trusting", retry=ONCE)
def trusting(request: Trusting) -> None:
    """Never run."""


@actor(name="test.leaking", retry=ONCE)
def leaking(how: str, run: Run) -> None:
    """Leak, and fail."""
    known, header, user = (os.environ[name] for name in ("CANARY_API_KEY", "LEAKED_HEADER", "LEAKED_USER"))
    if how == "prompt":
        generate(
            "openai:gpt-test", Answer, instructions="Be brief.", prompt=f"The patient is {os.environ['LEAKED_PROMPT']}."
        )
        return
    forms = [
        repr(known.encode()),
        quote(known, safe=""),
        b64encode(f"user:{known}".encode()).decode(),
        known.encode().hex(),
    ]
    headers = {"Authorization": f"Bearer {header}", "Cookie": f"session={header}", "X-Api-Key": header}
    run.log.warning("leaking_now", forms=forms, headers=headers, key=known, url=f"https://{user}:{user}@example.org/")
    logging.getLogger("some.library").error("sent %s with %s to http://%s@example.org", forms, headers, user)
    for letter in f"it is {known}, and so on":
        run.write(letter)
    run.progress("leaking", 10, f"with {known}", headers=headers, forms=forms)
    run.effect(refuse, headers, known, key="refused", idempotent=True)


def refuse(headers: dict[str, str], known: str) -> None:
    """Fail with all of it in the text."""
    password = headers["X-Api-Key"]
    cause = ConnectionError(f"https://u:{password}@example.org/?token={known}")
    raise Permanent(f"boom with {headers} and {known!r}, password={password}, {known.encode()!r}") from cause
