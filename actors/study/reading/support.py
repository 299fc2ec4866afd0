"""Says which kinds of documents can be read here, and what is missing for the others."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass


@dataclass(frozen=True)
class FormatSupport:
    """One kind of document: its usual endings, and what to install if it cannot be read here."""

    format: str
    endings: tuple[str, ...]
    missing: str | None = None


_NEEDS: tuple[tuple[str, tuple[str, ...], str | None], ...] = (
    ("pdf", (".pdf",), "pypdfium2"),
    ("docx", (".docx",), "docx"),
    ("pptx", (".pptx",), "pptx"),
    ("html", (".html", ".htm"), "selectolax"),
    ("markdown", (".md", ".markdown"), "markdown_it"),
    ("text", (".txt",), None),
)


def supported() -> tuple[FormatSupport, ...]:
    """List every kind; ``missing`` names the extra or the program to install, none if nothing is missing."""
    kinds = [
        FormatSupport(
            kind,
            endings,
            None if module is None or importlib.util.find_spec(module) else "install dramaturg[documents]",
        )
        for kind, endings, module in _NEEDS
    ]
    ocr = None if shutil.which("tesseract") else "install tesseract-ocr"
    kinds.append(FormatSupport("image", (".png", ".jpg", ".jpeg"), ocr))
    kinds.append(FormatSupport("scanned pdf", (".pdf",), ocr))
    return tuple(kinds)
