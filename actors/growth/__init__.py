"""Leads and campaigns: work that touches other people's systems."""
