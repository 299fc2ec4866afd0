"""The page says what it holds, fits every screen, and can be read by everybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.material import StudyPack
from tests.support.browser import Opener, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

CONTRAST = """
() => {
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const dot = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const pen = dot.getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const low = [];
  const walker = document.createTreeWalker(document.getElementById('app'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility() || node.closest('svg')) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgba(style.webkitTextFillColor || style.color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${walker.currentNode.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
}
"""


def test_the_page_says_what_it_is_about_and_what_is_missing(page: Page) -> None:
    """Title, status, figures and the reason for a document that was lost stand at the top."""
    assert page.title() == "How the Body Remembers"
    head = page.locator("header")
    assert head.locator("h1").inner_text() == "How the Body Remembers"
    text = head.inner_text()
    for wanted in ("Partial", "7 pages", "1 of 2 documents read", "37 concepts", "58 relations", "12 questions"):
        assert wanted in text
    assert "lecture-notes-scan.pdf is encrypted" in text


def test_connections_cite_and_lead_back_to_the_graph(page: Page) -> None:
    """Each explanation has its path, its sentences with pages, and its stops open the concept."""
    page.get_by_role("tab", name="Connections").click()
    assert page.locator(".connection").count() == 6
    first = page.locator(".connection").first
    assert first.locator(".stop").all_text_contents() == ["Vaccine", "Memory B cell", "Plasma cell", "Antibody"]
    assert first.locator(".way").first.inner_text().endswith("produces")
    assert first.locator(".leaf").all_text_contents() == ["p. 5", "p. 4", "p. 3"]
    first.get_by_role("button", name="Plasma cell").click()
    assert page.locator("#graph").is_visible()
    assert page.locator(".detail h2").inner_text() == "Plasma cell"


def test_the_last_act_says_how_everything_was_made(page: Page) -> None:
    """Generators, tokens, price, times, what was left out and why, documents and files."""
    page.get_by_role("tab", name="How it was made").click()
    text = page.locator("#making").inner_text()
    for wanted in (
        "openrouter:google/gemini-1.5-flash",
        "8,420",
        "1,312",
        "$0.0041",
        "In all",
        "connection.explain",
        "7.90 s",
        "evidence not found in the source",
        "41",
        "is encrypted; save a copy without a password",
        "quiz.gift",
    ):
        assert wanted in text
    assert page.locator(".files a").evaluate_all("(all) => all.map((one) => one.getAttribute('href'))") == [
        "graph.graphml",
        "graph.json",
        "pack.json",
        "quiz.csv",
        "quiz.gift",
        "quiz.json",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_every_act_fits_and_can_be_read(opened: Opener, width: int, scheme: str) -> None:
    """From a small phone to a wide screen nothing scrolls sideways, and text has a contrast of 4.5 or more."""
    screen = {"viewport": {"width": width, "height": 844}, "is_mobile": width < 600}
    page = opened(**screen, color_scheme=scheme, reduced_motion="reduce").page
    assert page.evaluate("innerWidth") == width
    for act in ("graph", "quiz", "connections", "making"):
        page.locator(f"#tab-{act}").click()
        if act == "graph":
            page.locator(".node").first.dispatch_event("click")
        if act == "quiz":
            page.locator(".option").first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), act
        assert page.evaluate(CONTRAST) == [], act


def test_light_and_dark_differ(opened: Opener) -> None:
    """The page follows the scheme of the system."""
    grounds = {
        opened(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(grounds) == 2


def test_every_control_has_a_name(opened: Opener) -> None:
    """No button, tab or field is without an accessible name."""
    page = opened().page
    nameless = """() => [...document.querySelectorAll('button, input, [role=button], [role=tab], [role=tabpanel]')]
      .filter((one) => !one.textContent.trim())
      .filter((one) => !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby'))
      .map((one) => one.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_an_empty_pack_says_why(opened: Opener, tmp_path: Path) -> None:
    """A failed pack has four acts, each of which says what is missing and why."""
    pack = StudyPack(title="Nothing", status="failed", documents=(), problems=("notes.pdf is encrypted",))
    page = opened(page_of(pack, tmp_path), viewport={"width": 390, "height": 844}).page
    for act, told in (("graph", "No graph"), ("quiz", "No quiz"), ("connections", "No connections")):
        page.locator(f"#tab-{act}").click()
        assert told in page.locator(f"#{act}").inner_text()
        assert "notes.pdf is encrypted" in page.locator(f"#{act}").inner_text()
    page.locator("#tab-making").click()
    assert "notes.pdf is encrypted" in page.locator("#making").inner_text()


def test_without_scripts_the_page_is_a_plain_text(opened: Opener) -> None:
    """Concepts, questions, answers and connections are read where scripts do not run."""
    page = opened(java_script_enabled=False).page
    text = page.locator("body").inner_text()
    for wanted in ("Concepts", "Y-shaped protein", "Questions", "Connections", "Answers", "p.\u00a03"):
        assert wanted in text


def test_printing_gives_the_plain_text(opened: Opener) -> None:
    """On paper stand the concepts, the questions and, on a page of their own, the answers."""
    page = opened().page
    page.emulate_media(media="print")
    assert page.locator("#sheet").is_visible()
    assert not page.locator("#app").is_visible()


def test_the_address_remembers_the_act(opened: Opener) -> None:
    """A page opened again at its address shows the same act."""
    watched = opened()
    watched.page.get_by_role("tab", name="Quiz").click()
    assert watched.page.url.endswith("#quiz")
    watched.page.reload()
    assert watched.page.locator("#quiz").is_visible()
