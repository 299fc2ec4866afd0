"""Job types: one folder a domain."""
