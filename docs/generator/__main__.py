"""Build the site: ``python -m docs.generator``, which is ``make docs``; a warning is an error."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.generator import reference

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent


def lay_out(into: Path) -> Path:
    """Put the pages and the reference, written anew, into one folder; what stays the same keeps its time."""
    into.mkdir(parents=True, exist_ok=True)
    reference.write(into / "reference")
    shutil.copytree(DOCS, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("generator", "__pycache__"))
    for page in into.rglob("*.md"):
        if page.parent.name != "reference" and not (DOCS / page.relative_to(into)).exists():
            page.unlink()
    return into


def main() -> int:
    """Build into ``site/``; give the generator's exit code."""
    from sphinx.cmd.build import build_main

    build = ROOT / "build" / "docs"
    source = lay_out(build / "source")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--conf-dir", str(DOCS / "generator")]
    return int(build_main([*options, "--doctree-dir", str(build / "doctrees"), str(source), str(ROOT / "site")]))


if __name__ == "__main__":
    sys.exit(main())
