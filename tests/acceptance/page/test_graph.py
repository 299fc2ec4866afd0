"""The graph of a study pack, used with mouse, fingers and keys in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.material import Concept, Evidence, KnowledgeGraph, Making, Relation, StudyPack
from tests.support.browser import Opener, page_of
from tests.support.packs import sample_pack

if TYPE_CHECKING:
    from playwright.sync_api import Page

OVERLAPS = """
() => {
  const boxes = [...document.querySelectorAll('.node rect')].map((one) => one.getBoundingClientRect());
  let found = 0;
  boxes.forEach((a, at) => boxes.slice(at + 1).forEach((b) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 1) found += 1;
  }));
  return found;
}
"""


def dense_pack(concepts: int, relations: int) -> StudyPack:
    """A pack with a made-up graph of this size."""
    found = (Evidence(sentence="It is so.", page=1, document="a.pdf"),)
    nodes = tuple(
        Concept(id=f"c{at}", label=f"Concept number {at} of a text", weight=1 / (at + 1), evidence=found)
        for at in range(concepts)
    )
    links = tuple(
        Relation(
            source=f"c{at % concepts}",
            target=f"c{(at * 7 + 3 + at // concepts) % concepts}",
            type=f"t{at % 11}",
            weight=1,
            evidence=found,
        )
        for at in range(relations)
    )
    graph = KnowledgeGraph(concepts=nodes, relations=links, made=Making(generator="offline"))
    return sample_pack().model_copy(update={"graph": graph})


def test_a_click_on_a_concept_shows_its_sentences_pages_and_relations(page: Page) -> None:
    """The panel quotes the definition with its page, and each relation opens the sentence behind it."""
    page.locator('.node[data-id="plasma-cell"]').click()
    panel = page.locator(".detail")
    assert panel.locator("h2").inner_text() == "Plasma cell"
    assert "has stopped dividing and produces antibodies" in panel.locator(".definition").inner_text()
    assert panel.locator(".definition .leaf").inner_text() == "p. 3"
    assert panel.locator(".definition .from").inner_text() == "how-the-body-remembers.pdf"
    assert panel.locator(".definition mark").inner_text() == "plasma cell"
    relations = panel.locator(".relation")
    assert relations.count() == 4
    antibody = relations.filter(has_text="Antibody").first
    assert antibody.locator(".way").get_attribute("aria-label") == "to"
    antibody.locator("summary .type").click()
    assert "thousands of antibodies every second" in antibody.locator("blockquote").inner_text()
    assert page.locator(".name").count() == 4
    antibody.get_by_role("button", name="Antibody").click()
    assert panel.locator("h2").inner_text() == "Antibody"
    assert "also immunoglobulin" in panel.inner_text()


def test_a_click_beside_the_concepts_lets_go(page: Page) -> None:
    """The panel goes back to its start."""
    page.locator('.node[data-id="vaccine"]').click()
    page.locator(".stage").click(position={"x": 5, "y": 400})
    assert page.locator(".detail h2").inner_text() == "Start anywhere"
    assert page.locator(".world.focus").count() == 0


def test_search_lights_what_it_finds(page: Page) -> None:
    """Matches in labels and aliases are lit, Enter walks through them, Escape ends it."""
    field = page.get_by_label("Find a concept")
    field.fill("memory")
    assert set(page.locator(".node.hit").all_text_contents()) >= {"Immune memoryImmune memory"}
    assert page.locator(".node.hit").count() == 3
    assert page.locator(".found").inner_text() == "3 found"
    field.press("Enter")
    assert "memory" in page.locator(".detail h2").inner_text().lower()
    field.fill("immunoglobulin")
    assert page.locator(".node.hit").get_attribute("data-id") == "antibody"
    field.fill("zebra")
    assert page.locator(".found").inner_text() == "none found"
    field.press("Escape")
    assert page.locator(".node.hit").count() == 0


def test_the_graph_is_walked_with_the_keyboard(page: Page) -> None:
    """One stop of the Tab key, arrows to the neighbours, Enter to open, Escape to close, plus to zoom."""
    page.get_by_role("tab", name="Graph").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.dataset.id")
    assert first == "immune-system"
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.dataset.id")
    assert second not in {None, first}
    page.keyboard.press("Enter")
    label = page.evaluate("document.activeElement.getAttribute('aria-label').split(',')[0]")
    assert page.locator(".detail h2").inner_text() == label
    before = page.locator(".world").evaluate("(one) => one.style.transform")
    page.keyboard.press("+")
    assert page.locator(".world").evaluate("(one) => one.style.transform") != before
    page.keyboard.press("Escape")
    assert page.locator(".detail h2").inner_text() == "Start anywhere"


def test_the_graph_zooms_moves_and_lets_a_box_be_dragged(page: Page) -> None:
    """Wheel and buttons zoom, the ground moves all, a box moves alone, and none of it counts as a click."""
    world = page.locator(".world")

    def transform() -> str:
        return str(world.evaluate("(one) => one.style.transform"))

    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    states = [transform()]
    page.mouse.move(stage["x"] + 300, stage["y"] + 200)
    page.mouse.wheel(0, -240)
    page.wait_for_function("(old) => document.querySelector('.world').style.transform !== old", arg=states[-1])
    states.append(transform())
    page.get_by_role("button", name="Zoom out").click()
    states.append(transform())
    page.mouse.move(stage["x"] + 6, stage["y"] + 500)
    page.mouse.down()
    page.mouse.move(stage["x"] + 90, stage["y"] + 470, steps=4)
    page.mouse.up()
    states.append(transform())
    page.get_by_role("button", name="Show the whole graph").click()
    assert len(set(states)) == len(states)
    assert transform() == states[0]
    node = page.locator('.node[data-id="antigen"]')
    place = node.get_attribute("transform")
    box = node.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 60, steps=4)
    page.mouse.up()
    assert node.get_attribute("transform") != place
    assert transform() == states[0]
    assert page.locator(".detail h2").inner_text() == "Start anywhere"


def test_two_fingers_zoom_the_graph(opened: Opener) -> None:
    """A pinch on a touch screen changes the scale, and a tap opens a concept."""
    watched = opened(has_touch=True, viewport={"width": 390, "height": 844})
    page = watched.page
    page.locator(".frame").scroll_into_view_if_needed()
    before = page.locator(".world").evaluate("(one) => one.style.transform")
    box = page.locator(".stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, gap: float) -> None:
        points = [{"x": x - gap, "y": y}, {"x": x + gap, "y": y}] if kind != "touchEnd" else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 30)
    for gap in (40, 60, 90):
        fingers("touchMove", gap)
    fingers("touchEnd", 0)
    after = page.locator(".world").evaluate("(one) => one.style.transform")

    def scale(text: str) -> float:
        found = re.search(r"scale\(([\d.]+)\)", text)
        assert found is not None
        return float(found[1])

    assert scale(after) > 1.8 * scale(before)
    page.get_by_role("button", name="Show the whole graph").tap()
    page.locator('.node[data-id="adaptive-immunity"]').tap()
    assert page.locator(".detail h2").inner_text() == "Adaptive immunity"


def test_a_type_of_relation_is_lit_from_the_legend(page: Page) -> None:
    """The legend counts each type and lights its arrows."""
    chip = page.get_by_role("button", name="produces 10")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert page.locator(".link.lit").count() == 10
    chip.click()
    assert page.locator(".link.lit").count() == 0


def test_the_concepts_are_there_as_a_list_too(page: Page) -> None:
    """Who does not use the picture opens a concept from an ordered list."""
    page.get_by_text("All concepts as a list").click()
    assert page.locator(".roll li").count() == 37
    page.locator(".roll").get_by_role("button", name="Adjuvant").click()
    assert page.locator(".detail h2").inner_text() == "Adjuvant"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_no_two_boxes_overlap_at_rest(opened: Opener, tmp_path: Path, width: int, height: int) -> None:
    """Thirty and sixty concepts are laid out so that each label can be read."""
    view = {"width": width, "height": height}
    assert opened(viewport=view).page.evaluate(OVERLAPS) == 0
    assert opened(page_of(dense_pack(60, 110), tmp_path), viewport=view).page.evaluate(OVERLAPS) == 0


def test_a_large_graph_shows_its_strongest_part_first(opened: Opener, tmp_path: Path) -> None:
    """Sixty concepts are drawn, more on request, and a search result outside them is brought in with its relations."""
    page = opened(page_of(dense_pack(400, 600), tmp_path)).page
    assert page.locator(".node").count() == 60
    assert page.locator(".cut").inner_text() == "The 60 strongest of 400 concepts. Show 300"
    page.get_by_role("button", name="Show 300").click()
    assert page.locator(".node").count() == 300
    page.get_by_role("button", name="Show fewer").click()
    assert page.locator(".node").count() == 60
    page.get_by_label("Find a concept").fill("number 370")
    page.keyboard.press("Enter")
    assert page.locator(".detail h2").inner_text() == "Concept number 370 of a text"
    assert page.locator(".node.self").get_attribute("data-id") == "c370"
    assert 60 < page.locator(".node").count() < 70
    assert page.locator(".link.lit").count() > 0
