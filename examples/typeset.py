"""Typeset the example document: Markdown in, PDF out, through Chromium.

Run it with the development tools installed: ``python examples/typeset.py``. It writes the PDF beside its source
and a copy into ``actors/study/demo/``, where ``dramaturg demo`` finds it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "how-the-body-remembers.md"
DEMO = HERE.parent / "actors" / "study" / "demo"

STYLE = """
@page { size: A4 }
html { font: 11.2pt/1.5 "Liberation Serif", "Times New Roman", serif; color: #1c1b19 }
body { margin: 0 }
p { margin: 0 0 .65em; text-align: justify; hyphens: manual; orphans: 3; widows: 3 }
h1 { font-size: 27pt; line-height: 1.1; margin: 0 0 .2em; letter-spacing: -.01em }
h1 + p { font-size: 12.5pt; color: #57534e; text-align: left; margin-bottom: 1.6em;
  padding-bottom: 1em; border-bottom: .6pt solid #a8a29e }
h2 { font-size: 16pt; margin: 1.5em 0 .5em; break-after: avoid }
h3 { font-size: 12.5pt; margin: 1.2em 0 .35em; break-after: avoid }
ul, ol { margin: .2em 0 .9em; padding-left: 1.4em }
li { margin-bottom: .3em }
table { border-collapse: collapse; width: 100%; margin: .7em 0 1.1em; font-size: 10.2pt; break-inside: avoid }
th, td { text-align: left; padding: .35em .7em .35em 0; border-bottom: .5pt solid #a8a29e; vertical-align: top }
th { border-bottom: 1.1pt solid #1c1b19 }
"""

RUNNING = (
    "<div style=\"font: 8pt 'Liberation Sans', sans-serif; color: #78716c; width: 100%; padding: 0 22mm;"
    ' display: flex; justify-content: space-between">{}</div>'
)
HEADER = RUNNING.format("<span>How the Body Remembers</span><span>Reader in Biology</span>")
FOOTER = RUNNING.format('<span>Dramaturg example document</span><span>Page <span class="pageNumber"></span></span>')


def typeset(source: Path, target: Path, chromium: str) -> None:
    """Print ``source`` to ``target`` on A4, with a running header, a footer and page numbers."""
    body = MarkdownIt("commonmark").enable("table").render(source.read_text(encoding="utf-8"))
    html = f'<!doctype html><html lang="en"><title>How the Body Remembers</title><style>{STYLE}</style>{body}</html>'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_content(html)
        page.pdf(
            path=str(target),
            format="A4",
            margin={"top": "26mm", "bottom": "24mm", "left": "22mm", "right": "22mm"},
            display_header_footer=True,
            header_template=HEADER,
            footer_template=FOOTER,
            tagged=False,
        )
        browser.close()


if __name__ == "__main__":
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        sys.exit("typeset.py needs Chromium on the path (Debian: apt-get install chromium)")
    pdf = SOURCE.with_suffix(".pdf")
    typeset(SOURCE, pdf, found)
    DEMO.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pdf, DEMO / pdf.name)
    print(f"{pdf.name}: {pdf.stat().st_size // 1024} KB")
