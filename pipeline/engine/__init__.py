"""The engine: the only code that talks to Redis."""
