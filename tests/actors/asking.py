"""Actors that ask language models; the models are simulated ones."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel

from pipeline import Limit, Models, QualityError, Retry, Run, Transient, actor, llm, splitting
from pipeline.llm.catalogue import Known, tell
from pipeline.llm.metering import Used, metered
from tests.actors.notes import note

#: A model of each size; what they read and cost, in dollars a million tokens.
SMALL, LARGE, HUGE = "openai:small", "openai:large", "anthropic:huge"
KNOWN = {
    SMALL: Known(window=1_000, input=Decimal(1), output=Decimal(2)),
    LARGE: Known(window=10_000, input=Decimal(10), output=Decimal(20)),
    HUGE: Known(window=100_000, input=Decimal(100), output=Decimal(200)),
}
tell(KNOWN)

#: Fast retries, so that a test need not wait for the real ones.
BRISK = Retry(attempts=3, base=timedelta(milliseconds=200), cap=timedelta(seconds=1))

RATE = "test.asked"


class Question(BaseModel):
    """What to ask, and how the answer is to be."""

    text: str = "Say a word."
    #: Found wanting, as often as it says this.
    never: str = ""
    #: Seconds between the answer and the end.
    after_s: float = 0


class Said(BaseModel):
    """An answer, and who gave it."""

    text: str
    model: str


def ask_model(run: Run, text: str) -> str:
    """Ask the run's present model one thing."""
    note("asking", run.model)
    answer = llm.write(
        run.model, instructions="Answer.", prompt=text, max_output_tokens=50, read_timeout=timedelta(seconds=5)
    )
    return answer.output


def ask_plainly(run: Run, text: str) -> str:
    """Ask the run's present model without the libraries that take seconds to load, but metered as they are."""
    body = json.dumps({"model": run.model.split(":")[1], "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer key"}
    request = urllib.request.Request(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", body, headers)

    def call(used: Used) -> str:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                got = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Transient(f"HTTP {error.code}") from None
        used.tokens_in, used.tokens_out = got["usage"]["prompt_tokens"], got["usage"]["completion_tokens"]
        return str(got["choices"][0]["message"]["content"])

    return metered(run.model, call, bytes_in=len(body), tokens_out=50)


@actor(name="test.ask_one", retry=BRISK, models=Models(SMALL), limits=[Limit(RATE, rate=30)])
def ask(question: Question, run: Run) -> Said:
    """Ask once, of one model throughout."""
    note("started")
    text = ask_plainly(run, question.text)
    time.sleep(question.after_s)
    note("effect")
    return Said(text=text, model=run.model)


@actor(name="test.ask_well", retry=BRISK, models=Models(SMALL, LARGE, HUGE, wait=timedelta(seconds=2)), limits=[])
def ask_well(question: Question, run: Run) -> Said:
    """Take a step, then ask whoever of three models answers well enough."""
    note("started")
    run.step(prepare, question.text)
    if run.model == llm.OFFLINE:
        return Said(text="by heart", model=run.model)
    text = ask_model(run, question.text)
    if question.never and question.never in text:
        raise QualityError(f"it says {question.never!r}")
    time.sleep(question.after_s)
    note("effect")
    return Said(text=text, model=run.model)


def prepare(text: str) -> int:
    """Take the step before the question."""
    note("step", "prepare")
    return len(text)


class Book(BaseModel):
    """Chapters to be read one by one."""

    chapters: list[str]


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


@splitting(_halves)
def read_chapter(text: str, run: Run) -> str:
    """Read one chapter."""
    note("step", f"read {len(text)}")
    return ask_model(run, text)


@actor(name="test.read_book", retry=BRISK, models=Models(SMALL, LARGE), limits=[])
def read_book(book: Book, run: Run) -> list[str]:
    """Read a book, each chapter in as many pieces as it takes."""
    note("started")
    return run.each(read_chapter, book.chapters, run)
