"""The page of a study pack: one HTML file that works from disk, with no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from actors.study.material import StudyPack
from actors.study.pack.sheet import render_sheet

#: The scripts of the page in the order they are joined; each uses only names of those before it.
SCRIPTS = (
    "dom",
    "tabs",
    "passages",
    "layout",
    "drawing",
    "pointers",
    "stage",
    "concepts",
    "answers",
    "quiz",
    "reading",
    "main",
)
STYLES = ("page", "graph", "quiz", "print")

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def render_page(pack: StudyPack, companions: Sequence[str] = ()) -> str:
    """Write the whole page as text; ``companions`` are the names of the files beside it, to be linked to."""
    script = "(() => {\n'use strict';\n" + "\n".join(_part(f"{name}.js") for name in SCRIPTS) + "})();\n"
    style = "\n".join(_part(f"{name}.css") for name in STYLES)
    return Template(_part("page.html")).substitute(
        policy=_policy(script, style),
        language=_language(pack),
        title=escape(pack.title),
        style=style,
        sheet=render_sheet(pack),
        data=_inert({"pack": pack.model_dump(mode="json"), "companions": list(companions)}),
        script=script,
    )


def _part(name: str) -> str:
    return files("actors.study.pack").joinpath("web", name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _language(pack: StudyPack) -> str:
    # The words of the page are English; the material says its own language where it stands.
    known = [one.language for one in pack.documents if one.language and LANGUAGE.fullmatch(one.language)]
    return known[0] if known and len(set(known)) == 1 else ""


def _inert(data: object) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text
