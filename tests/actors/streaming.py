"""Actors that write text while they run."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from pydantic import BaseModel

from pipeline import Retry, Run, actor, current_run

#: Every attempt may meet a killed worker, and none of them is the run's fault.
PATIENT = Retry(attempts=10, base=timedelta(milliseconds=100), cap=timedelta(milliseconds=200))


class Tale(BaseModel):
    """How many words to tell, and how long to think before each."""

    words: int
    pause_s: float = 0


@actor(name="test.teller", retry=PATIENT)
def teller(tale: Tale, run: Run) -> dict[str, str]:
    """Tell a tale, and tell it otherwise each time it is begun anew, but for its first quarter."""
    mood = os.urandom(2).hex()
    _begin(run, mood)
    told = {"text": "", "notes": ""}
    for number in range(tale.words):
        words = {"text": f"Wort{number} " if number < tale.words / 4 else f"{number}·{mood}🌱 "}
        if number % 5 == 0:
            words["notes"] = f"{number}/{mood};"
        for stream, word in words.items():
            run.write(word, stream)
            told[stream] += word
        run.progress("telling", 100 * (number + 1) / tale.words)
        time.sleep(tale.pause_s)
    return told


class Chapters(BaseModel):
    """How many chapters to tell, of how many words, and how long to think before each of them."""

    chapters: int
    words: int
    pause_s: float = 0


@actor(name="test.chronicler", retry=PATIENT)
def chronicler(request: Chapters, run: Run) -> dict[str, str]:
    """Tell a story in chapters, each a step: one that is finished is never told otherwise."""
    _begin(run, os.urandom(2).hex())
    run.write("Title. ")
    told = run.each(chapter, range(request.chapters), request)
    run.write("The end.")
    return {"text": f"Title. {''.join(told)}The end."}


def chapter(number: int, request: Chapters) -> str:
    """Tell one chapter, otherwise each time it is begun anew."""
    run, mood, told = current_run.get(), os.urandom(2).hex(), ""
    assert run is not None
    for word in range(request.words):
        text = f"{number}.{word}{mood if word > 2 else ''} "
        run.write(text)
        told += text
        time.sleep(request.pause_s)
    return told


def _begin(run: Run, mood: str) -> None:
    """Finish a step that no other attempt has: so often as these are killed, they would be taken for a crash loop."""

    def begin() -> str:
        return mood

    begin.__name__ = f"begin_{mood}"
    run.step(begin)
