"""What a document says stays text, and the page lets nothing else run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from actors.study.material import StudyPack
from actors.study.pack import render_page
from tests.support.browser import Opener, Watched, page_of
from tests.support.packs import HOSTILE, hostile_pack, sample_pack

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_nothing_from_a_document_is_read_as_markup(opened: Opener, tmp_path: Path) -> None:
    """Over forty payloads in every field stay text: no dialog, no element, no request, no violation."""
    watched = opened(page_of(hostile_pack(), tmp_path))
    page = watched.page
    page.get_by_role("button", name="Zoom in").click()
    for act in ("graph", "quiz", "connections", "making"):
        page.locator(f"#tab-{act}").click()
    page.locator("#tab-graph").click()
    opened_one_by_one = """() => [...document.querySelectorAll('.node')].map((node) => {
      node.dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 0 }));
      for (const one of document.querySelectorAll('.detail details')) one.open = true;
      return document.querySelector('.detail h2').textContent;
    })"""
    assert set(page.evaluate(opened_one_by_one)) == set(HOSTILE)
    page.locator("#tab-quiz").click()
    answered_one_by_one = """() => {
      const get = (name) => document.querySelector(`#quiz ${name}`);
      for (let asked = 0; get('.next'); asked += 1) {
        const field = get('input');
        if (field) { field.value = '<img src=x onerror=alert(1)>'; get('.typing button').click(); }
        else get('.option').click();
        if (!get('.verdict')) return `question ${asked} took no answer`;
        get('.next').click();
      }
      return get('.result') ? 'done' : 'no result';
    }"""
    assert page.evaluate(answered_one_by_one) == "done"
    forbidden = (
        "iframe, object, embed, form, base, math, img, #broken, #app style, #app script, #sheet :is(script, svg, a)"
    )
    assert page.locator(forbidden).count() == 0
    assert page.locator("script").count() == 2
    assert page.locator("style").count() == 1
    assert page.locator("meta[http-equiv]").count() == 1
    names = page.evaluate("[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames())")
    assert not [name for name in names if name.startswith("on") or name == "srcdoc"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_stops_what_would_slip_through(browser: Browser, sample: Path) -> None:
    """A script, a style, a picture, a frame and a request put into the page by force are all refused."""
    watched = Watched(browser, sample)
    watched.page.evaluate(
        """async () => {
          const put = (tag, props) => document.body.append(Object.assign(document.createElement(tag), props));
          put('script', { textContent: 'window.__ran = true' });
          put('style', { textContent: 'body { display: none }' });
          put('img', { src: 'https://evil.example/x.png' });
          put('iframe', { src: 'https://evil.example/' });
          put('base', { href: 'https://evil.example/' });
          const slip = '<p onclick="window.__ran = true" style="color: red" id="slipped">x</p>';
          document.body.insertAdjacentHTML('beforeend', slip);
          document.getElementById('slipped').click();
          await fetch('https://evil.example/').catch(() => null);
          setTimeout('window.__ran = true');
          await new Promise((done) => setTimeout(done, 50));
        }"""
    )
    assert watched.page.evaluate("window.__ran") is None
    assert watched.page.locator("body").is_visible()
    broken = " ".join(watched.page.evaluate("window.__broken"))
    for directive in ("script-src-elem", "style-src-elem", "img-src", "frame-src", "base-uri", "connect-src"):
        assert directive in broken
    watched.close()


def test_the_policy_names_hashes_and_nothing_loose() -> None:
    """No unsafe source, no host and no scheme but data: for pictures."""
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', render_page(sample_pack()))
    assert found is not None
    parts = dict(part.split(" ", 1) for part in found[1].split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", parts["script-src"])
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", parts["style-src"])
    assert parts["img-src"] == "data:"


def test_the_page_without_its_data_stays_small() -> None:
    """Script, style and frame together are under 80 KB."""
    empty = StudyPack(title="", status="failed", documents=())
    assert len(render_page(empty).encode()) < 80_000
