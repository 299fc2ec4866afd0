"""The tables of leads and campaigns; each file is one group of them."""
