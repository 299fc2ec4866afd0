"""Whether a sentence can be asked about on its own, away from the text around it."""
# ruff: noqa: PLR0911, PLR2004 - the forms of English, a case a line

from __future__ import annotations

import re

from actors.study import english
from actors.study.english import word_set
from actors.study.offline.chunks import Chunk

_CONNECTED = re.compile(
    r"^(?:however|therefore|thus|hence|then|also|so|but|and|or|yet|instead|similarly|likewise|conversely|"
    r"moreover|furthermore|besides|"
    r"consequently|accordingly|otherwise|nevertheless|nonetheless|meanwhile|finally|next|first|second|"
    r"third|lastly|indeed|still|again|"
    r"another|other|others|both|each|either|neither|some|here|there|now|later|afterwards?|unlike|like|"
    r"for (?:example|instance|this|that)|in (?:addition|contrast|"
    r"turn|fact|this|that|these|those|other words|short|general|particular|such|such a|response|return|"
    r"doing so|both)|as (?:a result|such|mentioned|noted|"
    r"discussed|described|we|you|shown)|on the (?:other|one) hand|at (?:this|that|the same)|"
    r"by (?:contrast|this|doing)|to (?:do|this|that)|after (?:this|that)|"
    r"because of (?:this|that|these)|during this|from (?:this|here)|with this|under (?:this|these)|note|"
    r"remember|recall|notice|imagine|suppose|consider|let|see|"
    r"today|recently|currently|nowadays|finally|what|why|how|unless|whether|only|even|not|no|one|two|"
    r"three|four|five)\b",
    re.IGNORECASE,
)
_LOOSE = re.compile(
    r"\b(?:we|us|our|ours|you|your|yours|i|my|me|above|below|aforementioned|previous(?:ly)?|latter|former|"
    r"following|as follows|figure|fig|table|"
    r"chapter|section|appendix|e\.g|i\.e|etc|respectively|here|let us|let's|please|click|this|these|those|"
    r"such|he|him|his|she|her|hers|"
    r"another|anyway|then|however|therefore|thus|so-called|mentioned|listed|shown|discussed|example|for instance|"
    r"et al)\b|\bthat ?[,.;]|[?\[\]{}<>=|•→]|\. ",
    re.IGNORECASE,
)
_META = word_set(
    "answer answers question questions reason reasons fact idea point example examples note section chapter "
    "book author authors step discussion list purpose goal way result results problem difference advantage "
    "thing things case someone anyone everyone people scientists researchers experts historians"
)
_POSSESSIVE = re.compile(r"\b(?:its|their|they|them|itself|themselves|it)\b", re.IGNORECASE)
# Everybody knows which one is meant.
_COMMON_GROUND = word_set(
    "world middle past future present body home head hand eye mind surface center bottom top end beginning "
    "ground country countries side space"
)
_UNIQUE = word_set(
    "sun earth moon universe sky sea ocean world atmosphere nucleus brain heart internet web environment "
    "government economy market constitution king queen pope church east west north south equator human body "
    "solar system kernel network population"
)


def stands_alone(text: str, chunks: list[Chunk]) -> bool:
    """Tell whether a sentence says all it needs: it points at nothing before it and names what it speaks of."""
    if (
        _CONNECTED.match(text)
        or _LOOSE.search(text)
        or text.count("(") != text.count(")")
        or not text.endswith((".", "!"))
    ):
        return False
    if len(re.findall(r"[:;]", text)) > 1 or text.count("“") != text.count("”") or text.count('"') % 2:
        return False
    if not any(chunk.kind in ("V", "B", "U") or (chunk.kind == "E" and index) for index, chunk in enumerate(chunks)):
        return False
    if not text[0].isupper() or len(text.split()) < 6:
        return False
    if chunks[0].head in _META or any(chunk.determiner == "that" for chunk in chunks):
        return False
    if chunks[0].kind not in ("N", "P", "S") or _POSSESSIVE.match(text):
        return False
    pronoun = _POSSESSIVE.search(text)
    if pronoun and (not _antecedent(chunks) or len(text[: pronoun.start()].split()) < 3):
        return False
    return not any(
        _dangling(chunks, index)
        for index, chunk in enumerate(chunks)
        if chunk.kind == "N" and chunk.determiner == "the"
    )


def _antecedent(chunks: list[Chunk]) -> bool:
    return chunks[0].kind == "N" and chunks[0].determiner not in ("its", "their")


def _dangling(chunks: list[Chunk], index: int) -> bool:
    """Tell whether "the process" means one spoken of before."""
    chunk = chunks[index]
    words = chunk.label.split()
    following = chunks[index + 1] if index + 1 < len(chunks) else None
    if (
        following is not None
        and following.kind == "E"
        and not any(later.kind in ("V", "B", "U") for later in chunks[index + 2 :])
    ):
        following = None  # the verb of the sentence, not a part of the phrase
    completed = following is not None and (
        following.kind in ("W", "E", "I", "G", "(", "S")
        or (following.kind == "P" and following.base not in ("by", "as", "than"))
    )
    if completed or chunk.name or (len(words) > 1 and index > 0):
        return False
    low = chunk.label.lower()
    if index == 0:
        return low in english.GENERIC_NOUNS or (len(words) == 1 and low not in _UNIQUE and not _defined_here(chunks))
    return low in english.GENERIC_NOUNS - _COMMON_GROUND


def _defined_here(chunks: list[Chunk]) -> bool:
    """Tell whether the sentence goes on to say what its subject is; "the cell is a stem cell" speaks of one cell."""
    if len(chunks) < 3 or chunks[1].kind != "B" or chunks[2].kind != "N":
        return False
    return chunks[0].key not in chunks[2].key.split()
