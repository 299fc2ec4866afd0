"""A lead: what does not fit is refused by its field, what does is kept in one spelling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.growth.lead import Lead, address
from actors.growth.leads import lead_created
from actors.growth.sequence import Sequence, SequenceStep
from pipeline import InvalidInput

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({}, "payload"),
        ({"email": "ann"}, "email"),
        ({"email": "ann@localhost"}, "email"),
        ({"email": "ann..b@example.org"}, "email"),
        ({"email": "ann@exa mple.org"}, "email"),
        ({"email": "Ann <ann@example.org>"}, "email"),
        ({"email": "ann@example.org\nbcc: all@example.org"}, "email"),
        ({"email": "ann@-example.org"}, "email"),
        ({"email": "ann@example.1"}, "email"),
        ({"email": "a" * 65 + "@example.org"}, "email"),
        ({"email": "a@" + "b.example." * 30 + "org"}, "email"),
        ({"phone": "030 123456"}, "phone"),
        ({"phone": "+49 1"}, "phone"),
        ({"phone": "hello", "region": "DE"}, "phone"),
        ({"email": "a@example.org", "timezone": "Mars/Olympus"}, "timezone"),
        ({"email": "a@example.org", "timezone": "../../etc/passwd"}, "timezone"),
        ({"email": "a@example.org", "timezone": "localtime"}, "timezone"),
        ({"email": "a@example.org", "locale": "klingon!"}, "locale"),
        ({"email": "a@example.org", "region": "DEU"}, "region"),
        ({"email": "a@example.org", "consent": {"fax": {"at": NOW, "where": "x"}}}, "consent.fax.[key]"),
        (
            {"email": "a@example.org", "consent": {"email": {"at": "2030-01-01T00:00", "where": "x"}}},
            "consent.email.at",
        ),
        ({"email": "a@example.org", "consent": {"email": {"at": NOW, "where": ""}}}, "consent.email.where"),
        ({"email": "a@example.org", "surname": "B"}, "surname"),
        ({"email": "a@example.org", "tags": ["x" * 101]}, "tags.0"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(told: dict[str, Any], field: str) -> None:
    """When it is sent, and again by the worker."""
    with pytest.raises(InvalidInput) as caught:
        lead_created.encode(told)  # what ``send`` does first
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"email": " Ann.B+x@Example.ORG "}, {"email": "ann.b+x@example.org", "timezone": ""}),
        ({"email": "ann@Bücher.example"}, {"email": "ann@xn--bcher-kva.example"}),
        ({"phone": "030 123456", "region": "de"}, {"phone": "+4930123456", "timezone": "Europe/Berlin"}),
        ({"phone": "(020) 7946 0958", "locale": "en_GB"}, {"phone": "+442079460958", "locale": "en-GB"}),
        ({"phone": "+1 (212) 555-1234"}, {"phone": "+12125551234", "timezone": "America/New_York"}),
        ({"phone": "+1 800 555 1234"}, {"timezone": ""}),  # half a continent
        ({"phone": "+12125551234", "timezone": "Asia/Tokyo"}, {"timezone": "Asia/Tokyo"}),
    ],
)
def test_what_fits_is_kept_in_one_spelling(told: dict[str, Any], kept: dict[str, str]) -> None:
    """Addresses in lower case and ASCII, numbers in E.164, the zone of the number where it has but one."""
    lead = Lead.model_validate(told)
    assert {name: getattr(lead, name) for name in kept} == kept
    assert Lead.model_validate(lead.model_dump(mode="json")) == lead


def test_a_number_without_a_country_is_one_of_the_country_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else says it."""
    from pipeline import sections

    monkeypatch.setenv("DRAMATURG_LEADS_REGION", "fr")
    sections.forget()
    try:
        assert Lead(phone="01 42 68 53 00").phone == "+33142685300"
    finally:
        sections.forget()


def test_an_address_is_no_pattern_to_hang_in() -> None:
    """However long a hostile one is."""
    with pytest.raises(ValueError, match="no email address"):
        address("a." * 100_000 + "@x")


@pytest.mark.parametrize(
    "declare",
    [
        lambda: SequenceStep("Hello", channel="email", template="t"),
        lambda: SequenceStep("hello", channel="email"),
        lambda: SequenceStep("hello"),
        lambda: SequenceStep("hello", does="crm.contact", channel="email", template="t"),
        lambda: SequenceStep("hello", does="crm.contact", after=-timedelta(1)),
        lambda: Sequence("twice", SequenceStep("a", does="crm.contact"), SequenceStep("a", does="crm.contact")),
        lambda: Sequence("nothing"),
        lambda: Sequence("welcome", SequenceStep("a", does="crm.contact")),
    ],
)
def test_a_sequence_that_cannot_be_gone_through_is_refused_when_it_is_declared(declare: Any) -> None:
    """Names that clash or do not fit, steps that do nothing or two things."""
    with pytest.raises(ValueError, match=r"step|sequence"):
        declare()
