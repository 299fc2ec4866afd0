"""Backups: what they are made of, where they lie, how they are made, tried out, kept and put back."""
