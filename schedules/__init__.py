"""When actors start by themselves."""
