"""What is read out of PDFs: order, headings, lists, tables, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.study.reading.readers.limits import Limits
from actors.study.reading.readers.pdf import read_pdf
from actors.study.reading.readers.pieces import Draft, Task
from tests.support import papers
from tests.support.papers import Line, paragraph

LEFT = "Alpha begins the left column and runs down to its end before anything on the right is read at all. " * 4
RIGHT = "Omega begins the right column, which is read after the left one and not between its lines. " * 4


@pytest.fixture
def read(tmp_path: Path):
    def reading(pages: list[list[Line]], **options) -> Draft:
        path = tmp_path / "a.pdf"
        path.write_bytes(papers.pdf(pages, **options))
        return read_pdf(Task(path, "a.pdf", Limits()))

    return reading


def test_two_columns_are_read_one_after_the_other(read) -> None:
    """Also when the file draws them line by line across, under a title that spans both."""
    left = paragraph(LEFT, x=72, y=140, width=42)
    right = paragraph(RIGHT, x=310, y=140, width=42)
    across = [line for pair in zip(left, right, strict=False) for line in pair]
    title = [(72.0, 80.0, 18.0, "bold", "A title that stands over both of the columns")]
    pieces = read([title + across]).pieces
    assert [piece.kind for piece in pieces] == ["heading", "paragraph"] or pieces[0].kind == "heading"
    text = " ".join(piece.text for piece in pieces[1:])
    assert text.index("Omega") > text.rindex("Alpha")
    assert "runs down to its end before anything on the right is read" in text


def test_headings_are_found_by_size_and_weight(read) -> None:
    """Larger type ranks them; a bold line in the body's size stands below."""
    lines = [
        (72.0, 80.0, 20.0, "bold", "The Cell"),
        *paragraph(papers.PROSE, y=110),
        (72.0, 200.0, 14.0, "bold", "1.1 Membranes"),
        *paragraph(papers.PROSE, y=225),
        (72.0, 320.0, 10.0, "bold", "Transport"),
        *paragraph(papers.PROSE, y=335),
    ]
    found = [(piece.text, piece.level) for piece in read([lines]).pieces if piece.kind == "heading"]
    assert found == [("The Cell", 1), ("1.1 Membranes", 2), ("Transport", 3)]


def test_headers_footers_and_page_numbers_are_left_out(read) -> None:
    """What stands at the same place of every page is no part of the text, and sentences run on over it."""
    words = (papers.PROSE * 60).split()
    pages = []
    for at in range(5):
        lines = paragraph(" ".join(words[at * 600 : at * 600 + 600]), y=100)
        pages.append(
            [
                (72.0, 40.0, 9.0, "text", f"Biology for all, chapter {at}"),
                *lines,
                (290.0, 810.0, 9.0, "text", f"- {at + 1} -"),
            ]
        )
    pieces = read(pages).pieces
    text = " ".join(piece.text for piece in pieces)
    assert "Biology for all" not in text
    assert not any(piece.text.strip("- ").isdigit() for piece in pieces)
    assert " ".join(text.split()) == " ".join(words[:3000])


def test_words_broken_over_lines_and_columns_are_mended(read) -> None:
    """The hyphen goes where the word has none, and stays where the document writes it elsewhere."""
    lines = [
        "The mitochondrion is an organelle and its power is well-known in bio-",
        "logy. It is a well-",
        "known fact that it breathes.",
    ]
    page = [(72.0, 100.0 + 12.5 * at, 10.0, "text", line) for at, line in enumerate(lines)]
    (piece,) = read([page]).pieces
    assert piece.text.endswith("well-known in biology. It is a well-known fact that it breathes.")


def test_lists_and_tables_keep_their_shape(read) -> None:
    """Each item is a piece, each row a line, each cell between bars."""
    rows = [("Part", "Task", "Size"), ("Nucleus", "keeps the DNA", "6 um"), ("Ribosome", "builds proteins", "25 nm")]
    table = [
        (72.0 + 130 * at, 200.0 + 14 * line, 10.0, "text", cell)
        for line, row in enumerate(rows)
        for at, cell in enumerate(row)
    ]
    items = [(80.0, 300.0 + 14 * at, 10.0, "text", f"\u2022 item number {at} of the list") for at in range(3)]
    pieces = read([[*paragraph(papers.PROSE, y=100), *table, *items]]).pieces
    assert [piece.text for piece in pieces if piece.kind == "table"] == ["\n".join(" | ".join(row) for row in rows)]
    assert [piece.text for piece in pieces if piece.kind == "list_item"] == [
        f"item number {at} of the list" for at in range(3)
    ]


def test_a_table_of_contents_is_a_list(read) -> None:
    """Dots between a title and its page become one sign."""
    lines = [
        (
            72.0,
            100.0 + 14 * at,
            10.0,
            "text",
            f"{at + 1} Chapter about things . . . . . . . . . . . . . . . {at * 9 + 3}",
        )
        for at in range(4)
    ]
    pieces = read([lines, paragraph(papers.PROSE)]).pieces
    assert [(piece.kind, piece.text) for piece in pieces[:2]] == [
        ("list_item", "1 Chapter about things \u2026 3"),
        ("list_item", "2 Chapter about things \u2026 12"),
    ]


@pytest.mark.parametrize(
    ("title", "expected"), [("The Cell", "The Cell"), ("Microsoft Word - cell.docx", "Membranes"), ("a", "Membranes")]
)
def test_the_title_is_the_metadata_unless_a_program_made_it_up(read, title: str, expected: str) -> None:
    """Then it is the first heading."""
    lines = [(72.0, 80.0, 20.0, "bold", "Membranes"), *paragraph(papers.PROSE, y=110)]
    assert read([lines], title=title).title == expected


def test_paragraphs_know_the_page_they_begin_on(read) -> None:
    """One that runs over a page's end is one piece, of its first page."""
    pages = [
        paragraph("This sentence begins on the first page and", y=700),
        paragraph("ends on the second page.", y=100),
    ]
    (piece,) = read(pages).pieces
    assert (piece.page, piece.text) == (1, "This sentence begins on the first page and ends on the second page.")


def test_what_stands_under_two_columns_is_read_after_both(read) -> None:
    """Its lines are short and on the left, yet they belong to neither."""
    left, right = paragraph(LEFT, x=72, y=140, width=42), paragraph(RIGHT, x=310, y=140, width=42)
    foot = max(y for _, y, *_ in left + right)
    below = [(72.0, foot + 40, 14.0, "bold", "Afterwards"), (72.0, foot + 62, 10.0, "text", "The end of it all.")]
    text = " ".join(piece.text for piece in read([left + right + below]).pieces)
    assert text.index("Omega") < text.index("Afterwards") < text.index("The end")


def test_a_heading_over_narrow_columns_is_parted_as_the_rows_are(read) -> None:
    """Its cells stand closer together than any gap that parts cells elsewhere."""
    rows = [("IgM", "blood", "first antibody"), ("IgG", "blood and tissues", "most abundant")]
    lines = [(at, 200.0, 10.0, "bold", cell) for at, cell in ((72.0, "Class"), (106.0, "Place"), (230.0, "Task"))]
    lines += [
        (x, 220.0 + 20 * line, 10.0, "text", cell)
        for line, row in enumerate(rows)
        for x, cell in zip((72.0, 106.0, 230.0), row, strict=True)
    ]
    (table,) = (piece for piece in read([[*paragraph(papers.PROSE, y=100), *lines]]).pieces if piece.kind == "table")
    assert table.text == "Class | Place | Task\nIgM | blood | first antibody\nIgG | blood and tissues | most abundant"


def test_what_a_browser_prints_around_a_page_is_left_out(read) -> None:
    """The date above and the address below, even on a single page."""
    page = [
        (30.0, 20.0, 8.0, "text", "11/21/26, 10:08 PM"),
        *paragraph("All that the page says.", y=100),
        (30.0, 830.0, 8.0, "text", "https://example.org/cells"),
    ]
    assert [piece.text for piece in read([page]).pieces] == ["All that the page says."]


def test_running_titles_go_even_when_each_chapter_has_its_own(read) -> None:
    """Most pages have a line with their number at the same height, apart from the text."""
    pages = [
        [(72.0, 40.0, 10.0, "text", f"Chapter {at}: about {word}   {at + 1}"), *paragraph(papers.PROSE, y=90)]
        for at, word in enumerate(["cells", "skin", "blood", "bones", "nerves", "hearts", "lungs", "eyes", "ears"])
    ]
    assert not any("about" in piece.text for piece in read(pages).pieces)
