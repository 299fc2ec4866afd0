"""Fetches documents by address, and from nowhere else than the public internet and what a deployment allows.

A host's name is resolved once; every address it leads to has to be a public one; the connection goes to exactly these
addresses; and each redirect is asked the same again. There is no proxy, no cookie, no password, and no more than so
many bytes and seconds in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.fetching.address import AddressRefused, WebAddress, read_address
from pipeline.fetching.names import name_of

if TYPE_CHECKING:
    from pipeline.fetching.fetcher import Fetched, Fetcher
    from pipeline.fetching.settings import FetchSettings

__all__ = ["AddressRefused", "FetchSettings", "Fetched", "Fetcher", "WebAddress", "name_of", "read_address"]


def __getattr__(name: str) -> Any:
    """Load what fetches at its first use: whoever only sends an address needs none of it."""
    if name in {"Fetched", "Fetcher"}:
        from pipeline.fetching import fetcher

        return getattr(fetcher, name)
    if name == "FetchSettings":
        from pipeline.fetching.settings import FetchSettings

        return FetchSettings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
