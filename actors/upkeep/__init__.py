"""Upkeep: figures of what ran, and copies of what must not be lost."""
