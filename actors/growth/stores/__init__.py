"""What leads and campaigns keep in SQL: each file reads and writes one group of tables."""
