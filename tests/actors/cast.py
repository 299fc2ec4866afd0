"""The whole cast, for a worker to load."""

from tests.actors import chained, plain, stepped, telling

__all__ = ["chained", "plain", "stepped", "telling"]
