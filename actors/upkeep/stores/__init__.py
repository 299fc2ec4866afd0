"""What upkeep keeps in SQL, one file a domain."""
