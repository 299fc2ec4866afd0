"""Traces: which request, run and call belong together, and how long each took.

An application that is not traced itself and knows the headers of a request writes
``with carried(headers.get("traceparent", "")): actor.send(...)``.
"""

from __future__ import annotations

from pipeline.tracing.context import TraceContext, carried, headers

__all__ = ["TraceContext", "carried", "headers"]
