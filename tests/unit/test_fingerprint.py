"""Failures of one cause look alike, and failures of different causes do not."""

from __future__ import annotations

import pytest

from pipeline.fingerprint import fingerprint, pattern_of

ALIKE = [
    (
        "POST https://api.example.com/v1/chat?key=1 answered 503 after 12.5 s",
        "POST http://10.0.0.2:8080/v1/chat answered 503 after 3 s",
    ),
    ("no such document 5f2a9c01bb in bucket-7", "no such document 00ab12cd99 in bucket-12"),
    ("run 0199c7e2-1f6e-7a3b-8f1c-0123456789ab is gone", "run 0299c7e2-1f6e-7a3b-8f1c-0123456789ab is gone"),
    ("cannot open /var/data/7/a.pdf: line 3", "cannot open /srv/x/b.docx: line 412"),
    ("'chapter 3: cells' has 14 items, wanted 20", "'chapter 11' has 2 items, wanted 20"),
    ("token AKIAABCDEFGHIJKL1234 refused", "token AKIAZZZZZZZZZZZZ9999 refused"),
    ("mail to ann@example.org bounced", "mail to bob.b+1@mail.example.com bounced"),
    ("late since 2026-11-22T10:00:00Z", "late since 2026-11-23 07:15:01.5+02:00"),
    ("the file is broken\nat byte 17", "the file is broken\nat byte 99"),
]

DIFFERENT = [
    ("KeyError: 'title'", "KeyError: 'language'"),
    ("the answer has no field sections", "the answer has no field title"),
    ("connection refused", "connection reset"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_numbers_and_ids_make_no_difference(one: str, other: str) -> None:
    """Whatever stands in their place."""
    assert pattern_of(one) == pattern_of(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_words_make_a_difference(one: str, other: str) -> None:
    """A quoted identifier is a word."""
    assert pattern_of(one) != pattern_of(other)


def test_the_kind_and_the_type_of_a_failure_count_and_its_traceback_does_not() -> None:
    """A run that died without a failure is known by its reason."""
    error = {"kind": "transient", "type": "ReadTimeout", "message": "after 5 s", "traceback": "line 1"}
    name, pattern = fingerprint("attempts_exhausted: transient", error)
    assert pattern == "transient: ReadTimeout: after <n> s"
    assert len(name) == 8
    assert fingerprint("", error | {"message": "after 90 s", "traceback": "line 2"})[0] == name
    assert fingerprint("", error | {"type": "ConnectTimeout"})[0] != name
    assert fingerprint("deadline", None)[1] == "deadline"


def test_a_message_without_end_costs_no_time() -> None:
    """Only its first line counts, and only the beginning of that."""
    assert len(pattern_of("a'" * 100_000)) <= 160
    assert pattern_of("") == ""
