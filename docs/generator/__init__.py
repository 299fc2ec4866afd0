"""What makes the site from ``docs/``: ``make docs`` builds it, warnings are errors, and nothing is fetched."""
