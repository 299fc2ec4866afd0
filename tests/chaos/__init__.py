"""Fault scenarios: each a function of its sizes, short in the acceptance tests, long in ``python -m tests.chaos``."""
