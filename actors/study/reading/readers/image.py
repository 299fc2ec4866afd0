"""Reads PNG and JPEG pictures of text by OCR."""

from __future__ import annotations

from typing import Any

from .ocr import PIXELS, OcrFailed, recognize, tesseract
from .pieces import Draft, Task, Unreadable

_SMALL = 1_600  # pixels across: letters of a screenshot are too small for tesseract
_FEWEST_PIXELS = 16


def read_image(task: Task) -> Draft:
    """Read one picture as one page."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own limit comes first, and is said better
    try:
        with Image.open(task.path, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if width * height > task.limits.pixels:
                raise Unreadable(
                    f"has {width:,} x {height:,} pixels: at most {task.limits.pixels // 1_000_000} million are read"
                )
            if min(width, height) < _FEWEST_PIXELS:
                raise Unreadable("is too small a picture to hold text")
            program = tesseract()
            if program is None:
                raise Unreadable("is a picture: install the program tesseract (package tesseract-ocr) to have it read")
            scale = min(1.0, (PIXELS / (width * height)) ** 0.5)
            # A JPEG is unpacked small at once; a PNG has to be unpacked whole.
            picture.draft("L", (int(width * scale), int(height * scale)))
            grey = ImageOps.exif_transpose(_on_white(picture).convert("L"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as problem:
        raise Unreadable("is damaged: the picture is not complete") from problem
    if grey.width * grey.height > PIXELS:
        grey.thumbnail(
            (int(width * scale) + 1, int(width * scale) + 1) if width > height else (int(height * scale) + 1,) * 2
        )
    elif grey.width < _SMALL and grey.width * grey.height * 4 <= PIXELS:
        grey = grey.resize((grey.width * 2, grey.height * 2))
    task.progress("ocr", 0, 1)
    try:
        pieces = recognize(program, grey, 1, task)
    except OcrFailed as problem:
        raise Unreadable(f"{problem}") from problem
    task.progress("ocr", 1, 1)
    if not pieces:
        raise Unreadable("is a picture in which no text was found")
    return Draft(format="image", pieces=pieces, ocr_pages=[1])


def _on_white(picture: Any) -> Any:
    from PIL import Image

    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        # Black letters on nothing would be black on black.
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer)
    return picture
