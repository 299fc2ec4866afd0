"""The folder a study pack is delivered in: one page, and the same material for other programs."""

from actors.study.pack.folder import require_place, write_pack
from actors.study.pack.page import render_page

__all__ = ["render_page", "require_place", "write_pack"]
