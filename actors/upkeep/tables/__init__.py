"""Tables of upkeep, one file a domain."""
