"""The pages of the project: their fenced blocks, the commands in them, their links and headings.

A page says what is to be done with a block in a comment on the line above it, which no reader sees:

``<!-- not run: why -->``
    it is only parsed, for this reason;
``<!-- goes on -->``
    it is run where the block before it ended, with its names;
``<!-- before: code -->``
    this Python comes before it: what a reader has already.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

#: What somebody reads: the front pages of the project, and every page of the site but those that are generated.
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_BLOCK = re.compile(
    r"(?:^<!-- (?P<said>[^\n]*?(?:\n(?!```).*?)?) ?-->\n)?^(?P<fence>```)(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r"(not run|before|goes on)(?:: ?\n?(.*))?", re.DOTALL)
_SHELL = {"console", "sh", "bash", "shell"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; ``mark`` is what the page says is to be done with it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str = ""
    told: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The command lines in it: those behind ``$``, or all of a block in which nothing is."""
        text = self.text.replace("\\\n", " ")
        behind = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
        if behind or self.language not in _SHELL:
            return behind
        return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """Give the fenced blocks of a page in their order."""
    text = page.read_text("utf-8")
    return tuple(_block(page, text, found) for found in _BLOCK.finditer(text))


def texts(page: Path, language: str) -> list[str]:
    """Give the text of each block of a page in a language."""
    return [block.text for block in blocks(page) if block.language == language]


def calls(line: str, program: str = "dramaturg") -> Iterator[list[str]]:
    """Give the words after the program's name, for each time that a command line calls it.

    What stands behind two spaces without a ``#`` is an explanation, as pages have it.
    """
    said = re.split(r"(?<=\S) {2,}(?=[^\s\-\\\"'|>&;])", line, maxsplit=1)[0] if not line.startswith(" ") else line
    said = said if _closed(said) else line
    lexer = shlex.shlex(said, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words.pop(0)
            if words and words[0] == program:
                yield words[1:]
            words = []
        else:
            words.append(word)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Give the file and the heading that each link inside the project leads to."""
    for target in re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)", _prose(page)):
        if "://" not in target and not target.startswith("mailto:"):
            file, _, heading = target.partition("#")
            yield file, heading


@cache
def headings(page: Path) -> frozenset[str]:
    """Give the anchors of a page's headings, as code hosts make them."""
    found: list[str] = []
    for title in re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return frozenset(found)


def spoken(page: Path) -> list[str]:
    """Give the commands that stand in a page's sentences."""
    flat = re.sub(r"\n(?!\n)", " ", _prose(page))
    return re.findall(r"`(dramaturg [^`]+)`", flat)


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def _block(page: Path, text: str, found: re.Match[str]) -> Block:
    line = text.count("\n", 0, found.start("fence")) + 1
    mark = _MARK.fullmatch((found["said"] or "").strip())
    word, told = (mark[1], mark[2] or "") if mark else ("", "")
    return Block(page, line, found["language"], found["text"], word, told)


def _closed(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True
