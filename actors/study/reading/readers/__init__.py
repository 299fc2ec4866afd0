"""What runs inside the limited child process: one reader a format, importing nothing of the project."""
