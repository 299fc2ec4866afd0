"""The page of a study pack, used in a real browser, from disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actors.study.material import Concept, Evidence, KnowledgeGraph, Making, Quiz, QuizItem, Relation, StudyPack
from actors.study.pack import render_page, write_pack
from tests.support.browser import Watched, chromium
from tests.support.packs import HOSTILE, hostile_pack, sample_pack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Opener = Callable[..., Watched]

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample pack."""
    return write_pack(sample_pack(), tmp_path_factory.mktemp("sample") / "pack") / "index.html"


@pytest.fixture
def opened(browser: Browser, sample: Path) -> Iterator[Opener]:
    """Open a page; when the test is over it must have stayed clean."""
    pages: list[Watched] = []

    def start(file: Path = sample, **context: object) -> Watched:
        pages.append(Watched(browser, file, **{"viewport": {"width": 1440, "height": 900}} | context))
        return pages[-1]

    yield start
    for page in pages:
        page.assert_clean()
        page.close()


@pytest.fixture
def page(opened: Opener) -> Page:
    """The sample pack's page, wide and light."""
    return opened().page


def written(pack: StudyPack, folder: Path) -> Path:
    return write_pack(pack, folder / "pack") / "index.html"


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


def test_the_page_says_what_it_is_about_and_what_is_missing(page: Page) -> None:
    """Title, status, figures and the reason for a document that was lost stand at the top."""
    assert page.title() == "How the Body Remembers"
    head = page.locator("header")
    assert head.locator("h1").inner_text() == "How the Body Remembers"
    text = head.inner_text()
    for wanted in ("Partial", "7 pages", "1 of 2 documents read", "37 concepts", "58 relations", "12 questions"):
        assert wanted in text
    assert "lecture-notes-scan.pdf is encrypted" in text


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
    assert opened(written(dense_pack(60, 110), tmp_path), viewport=view).page.evaluate(OVERLAPS) == 0


def test_a_large_graph_shows_its_strongest_part_first(opened: Opener, tmp_path: Path) -> None:
    """Sixty concepts are drawn, more on request, and a search result outside them is brought in with its relations."""
    page = opened(written(dense_pack(400, 600), tmp_path)).page
    assert page.locator(".node").count() == 60
    page.get_by_role("button", name="First 300").click()
    assert page.locator(".node").count() == 300
    page.get_by_role("button", name="First 60").click()
    assert page.locator(".node").count() == 60
    page.get_by_label("Find a concept").fill("number 370")
    page.keyboard.press("Enter")
    assert page.locator(".detail h2").inner_text() == "Concept number 370 of a text"
    assert page.locator(".node.self").get_attribute("data-id") == "c370"
    assert 60 < page.locator(".node").count() < 70
    assert page.locator(".link.lit").count() > 0


def answer(page: Page, text: str, *, typed: bool) -> None:
    if typed:
        page.get_by_label("Your answer").fill(text)
        page.get_by_role("button", name="Check").click()
    else:
        page.locator(".option").filter(has_text=re.compile(f"^.{re.escape(text)}$")).click()


def test_the_quiz_is_taken_with_the_mouse(page: Page) -> None:
    """Ten right and two wrong answers are scored so, each with its passage, and the wrong ones may be tried again."""
    quiz = sample_pack().quiz
    assert quiz is not None
    page.get_by_role("tab", name="Quiz").click()
    for at, item in enumerate(quiz.items):
        given = item.answer
        if at in {0, 3}:
            given = "CD8" if not item.options else next(one for one in item.options if one != item.answer)
        answer(page, given, typed=not item.options)
        verdict = page.locator(".verdict")
        if at in {0, 3}:
            assert f"The answer is {item.answer}" in verdict.inner_text()
        else:
            assert verdict.inner_text().startswith("Right")
        assert verdict.locator("blockquote p").inner_text() == item.passage
        assert verdict.locator(".leaf").inner_text() == f"p. {item.page}"
        assert verdict.locator(".from").inner_text() == item.document
        page.locator(".next").click()
    assert page.locator(".result h2").inner_text() == "10 of 12 right"
    assert page.locator(".missed li").count() == 2
    page.get_by_role("button", name="Retry the 2 missed ones").click()
    for item in (quiz.items[0], quiz.items[3]):
        answer(page, item.answer, typed=not item.options)
        page.locator(".next").click()
    assert page.locator(".result h2").inner_text() == "2 of 2 right"
    page.get_by_role("button", name="Start again").click()
    assert "Question 1 of 12" in page.locator(".card").inner_text()
    assert page.locator(".score").inner_text() == ""


def test_the_quiz_is_taken_with_the_keyboard_alone(page: Page) -> None:
    """Letters choose, Enter goes on, typed answers are checked by Enter, and the score is the same."""
    quiz = sample_pack().quiz
    assert quiz is not None
    page.get_by_role("tab", name="Graph").focus()
    page.keyboard.press("ArrowRight")
    for at, item in enumerate(quiz.items):
        if item.options:
            right = item.options.index(item.answer)
            page.keyboard.press("ABCD"[right if at else (right + 1) % len(item.options)])
        else:
            page.get_by_label("Your answer").focus()
            page.keyboard.type(item.answer)
            page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.classList.contains('next')")
        page.keyboard.press("Enter")
    assert page.locator(".result h2").inner_text() == "11 of 12 right"


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("Histamine", True),
        ("  the HISTAMINE! ", True),
        ("histamines", True),
        ("histamin", True),
        ("hsitamine", True),
        ("histidine", False),
        ("cytokine", False),
        ("?", False),
    ],
)
def test_a_typed_answer_is_judged_leniently_but_not_blindly(page: Page, typed: str, right: bool) -> None:
    """Case, articles, plurals and one slip are forgiven; another word is not."""
    page.get_by_role("tab", name="Quiz").click()
    page.get_by_role("button", name="Medium").click()
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Skip").click()
    answer(page, typed, typed=True)
    assert page.locator(".verdict.right").count() == (1 if right else 0)
    assert page.locator(".gap.filled").inner_text() == "histamine"


def test_another_name_is_right_and_another_thing_is_not_a_slip(opened: Opener, tmp_path: Path) -> None:
    """An alias from the graph is accepted; a concept one letter away from the answer is wrong."""
    found = (Evidence(sentence="Abduction moves a limb away.", page=1, document="a.pdf"),)
    graph = KnowledgeGraph(
        concepts=(
            Concept(id="a", label="abduction", aliases=("lateral movement",), weight=1, evidence=found),
            Concept(id="b", label="adduction", weight=1, evidence=found),
        ),
        relations=(),
        made=Making(generator="offline"),
    )
    item = QuizItem(
        question="What moves a limb away?",
        kind="short_answer",
        answer="abduction",
        passage=found[0].sentence,
        page=1,
        document="a.pdf",
        difficulty="easy",
    )
    quiz = Quiz(items=(item, item, item), made=graph.made)
    page = opened(written(sample_pack().model_copy(update={"graph": graph, "quiz": quiz}), tmp_path)).page
    page.get_by_role("tab", name="Quiz").click()
    for typed, verdict in (
        ("adduction", "Not this time"),
        ("Lateral movements", "Right."),
        ("abducton", "Right, though"),
    ):
        answer(page, typed, typed=True)
        assert page.locator(".verdict").inner_text().startswith(verdict)
        page.locator(".next").click()


def test_the_quiz_is_filtered_by_difficulty_and_may_be_skipped_through(page: Page) -> None:
    """Three hard questions, all skipped, are three missed ones."""
    page.get_by_role("tab", name="Quiz").click()
    page.get_by_role("button", name="Hard").click()
    for _ in range(3):
        page.get_by_role("button", name="Skip").click()
    assert page.locator(".result h2").inner_text() == "0 of 3 right"
    assert "Not answered" in page.locator(".missed").inner_text()


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


def test_nothing_from_a_document_is_read_as_markup(opened: Opener, tmp_path: Path) -> None:
    """Over forty payloads in every field stay text: no dialog, no element, no request, no violation."""
    watched = opened(written(hostile_pack(), tmp_path))
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_every_act_fits_and_can_be_read(opened: Opener, width: int, scheme: str) -> None:
    """From a small phone to a wide screen nothing scrolls sideways, and text has a contrast of 4.5 or more."""
    page = opened(viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce").page
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
    page = opened(written(pack, tmp_path), viewport={"width": 390, "height": 844}).page
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
