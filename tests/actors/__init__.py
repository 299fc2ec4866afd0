"""A small cast of actors, each a behaviour that the fault tests need."""
