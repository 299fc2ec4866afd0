"""Fields of a payload are changed by their path, and nothing else is."""

from __future__ import annotations

import pytest

from pipeline import InvalidInput
from pipeline.payload_change import changed

PAYLOAD = {"title": "a", "lesson": {"language": "de", "parts": [{"n": 1}, {"n": 2}]}}


def test_a_field_is_changed_at_any_depth() -> None:
    """In objects and in lists; the payload itself stays as it was."""
    assert changed(PAYLOAD, {"title": "b", "lesson.parts.1.n": 9}) == {
        "title": "b",
        "lesson": {"language": "de", "parts": [{"n": 1}, {"n": 9}]},
    }
    assert PAYLOAD["title"] == "a"


def test_a_field_is_added_where_there_was_none() -> None:
    """A missing field is what some runs die of."""
    assert changed(PAYLOAD, {"lesson.level": 2})["lesson"]["level"] == 2


@pytest.mark.parametrize("path", ["title.x", "lesson.parts.2.n", "lesson.parts.7", "nothing.there", "lesson.parts.x"])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    """It is named."""
    with pytest.raises(InvalidInput, match=path):
        changed(PAYLOAD, {path: 1})
