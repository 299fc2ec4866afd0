"""The whole cast, for a worker to load."""

from tests.actors import calling, chained, deaf, hungry, plain, stepped, telling

__all__ = ["calling", "chained", "deaf", "hungry", "plain", "stepped", "telling"]
