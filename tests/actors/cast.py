"""The whole cast, for a worker to load."""

from tests.actors import chained, deaf, plain, stepped, telling

__all__ = ["chained", "deaf", "plain", "stepped", "telling"]
