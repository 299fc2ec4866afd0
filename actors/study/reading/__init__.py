"""Reads documents of any supported kind, each in a child process with limits of its own."""

from actors.study.reading.readers.limits import Limits
from actors.study.reading.sandbox import read_document
from actors.study.reading.support import FormatSupport, supported

__all__ = ["FormatSupport", "Limits", "read_document", "supported"]
