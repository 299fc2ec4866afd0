"""The clients of Mailchimp: requests and answers as documented, and what bad answers count as."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from actors.growth.mailchimp import Mailchimp, mailchimp
from actors.growth.mailchimp_errors import ADDRESS_THROTTLED
from actors.growth.mailchimp_models import Member, MemberState, Operation, OperationResult, member_id
from actors.growth.mailchimp_settings import MailchimpSettings
from actors.growth.transactional import Sending, Transactional
from pipeline import AuthFailed, InvalidInput, Permanent, RateLimited, classify
from pipeline.effect import nothing_done
from pipeline.settings import SettingsError
from pipeline.testing import StillClock
from pipeline.testing.mailchimp import SimulatedMailchimp
from tests.support import mailchimp_documented as documented

URIST = "Urist@Freddies.tld"


@pytest.fixture
def clock() -> StillClock:
    """The clock of the account."""
    return StillClock()


@pytest.fixture
def account(clock: StillClock) -> Iterator[SimulatedMailchimp]:
    """An account with one audience."""
    with SimulatedMailchimp(clock=clock.now) as account:
        account.audience("abc", FNAME="text", AGE="number", BORN="date")
        yield account


@pytest.fixture
def client(account: SimulatedMailchimp) -> Iterator[Mailchimp]:
    """A client of the account."""
    client = Mailchimp(SecretStr(account.api_key), account.marketing_url)
    yield client
    client.close()


def test_a_member_is_put_by_the_hash_of_the_address(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """mailchimp.com/developer/marketing/api/list-members/add-or-update-list-member."""
    state = client.upsert_member("abc", Member(email=URIST, merge_fields={"FNAME": "Urist"}))
    [call] = account.calls
    assert (call.method, call.path) == ("PUT", "/3.0/lists/abc/members/" + member_id("urist@freddies.tld"))
    assert call.json == {"email_address": URIST, "status_if_new": "subscribed", "merge_fields": {"FNAME": "Urist"}}
    assert (state.email_address, state.status, state.merge_fields["FNAME"]) == (URIST, "subscribed", "Urist")
    assert member_id("Urist.McVankab@freddiesjokes.com") == "62eeb292278cc15f5817cb78f7790b08"


def test_documented_answers_are_read() -> None:
    """What the real one answers is understood, and the simulated one answers no other names."""
    state = MemberState.model_validate(documented.MEMBER)
    assert (state.status, state.last_changed) == ("archived", datetime(2022, 2, 23, 19, 31, 55, tzinfo=UTC))
    with SimulatedMailchimp() as account:
        audience = account.audience("abc", FNAME="text")
        account.subscribe("abc", URIST)
        from pipeline.testing.mailchimp_state import shown

        made = shown(audience, next(iter(audience.members.values())))
    assert set(made) <= set(documented.MEMBER)
    assert OperationResult.model_validate(documented.RESULT).status_code == 400
    assert Sending.model_validate(documented.SENDING).reason == "hard-bounce"


def test_a_repeated_put_changes_nothing_and_resubscribes_nobody(
    account: SimulatedMailchimp, client: Mailchimp, clock: StillClock
) -> None:
    """Once a person has gone, the same call leaves them gone."""
    member = Member(email=URIST, merge_fields={"FNAME": "Urist"})
    first = client.upsert_member("abc", member)
    clock.forward(timedelta(minutes=1))
    assert client.upsert_member("abc", member) == first
    account.unsubscribe("abc", URIST)
    assert client.upsert_member("abc", member).status == "unsubscribed"
    account.clean("abc", URIST)
    assert client.upsert_member("abc", member).status == "cleaned"


def test_a_lost_answer_and_a_repetition_make_one_member(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """The call was done though nobody heard of it; done again it is the same."""
    account.lose_answer("PUT")
    with pytest.raises(httpx2.TransportError) as lost:
        client.upsert_member("abc", Member(email=URIST))
    assert not nothing_done(lost.value)
    client.upsert_member("abc", Member(email=URIST))
    assert [one.email for one in account.audiences["abc"].members.values()] == [URIST]


def test_tags_are_given_and_taken(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """mailchimp.com/developer/marketing/api/list-member-tags: told twice it is the same."""
    client.upsert_member("abc", Member(email=URIST))
    for _ in range(2):
        client.tag("abc", URIST, ["lead", "vip"], remove=["old"])
    client.tag("abc", URIST, [], remove=["vip"])
    assert account.calls[1].json["tags"][2] == {"name": "old", "status": "inactive"}
    found = client.member("abc", URIST)
    assert found is not None
    assert [tag.name for tag in found.tags] == ["lead"]


def test_members_come_in_pages_by_their_last_change(
    account: SimulatedMailchimp, client: Mailchimp, clock: StillClock
) -> None:
    """count, offset, total_items and since_last_changed are as documented; the archived are listed apart."""
    for number in range(5):
        account.subscribe("abc", f"m{number}@h.tld")
        clock.forward(timedelta(minutes=1))
    since = clock.now()
    account.edit("abc", "m1@h.tld", FNAME="New")
    account.archive("abc", "m0@h.tld")
    page = client.members("abc", offset=1, count=2)
    assert ([one.email_address for one in page.members], page.total_items) == (["m3@h.tld", "m4@h.tld"], 4)
    changed = client.members("abc", since_last_changed=since - timedelta(seconds=1))
    assert [one.email_address for one in changed.members] == ["m1@h.tld"]
    assert [one.email_address for one in client.members("abc", archived=True).members] == ["m0@h.tld"]
    assert client.member("abc", "m0@h.tld").status == "archived"  # type: ignore[union-attr] # it is there
    assert client.change_member("abc", "m0@h.tld", {"FNAME": "x"}) is None
    assert client.member("abc", "nobody@h.tld") is None


@pytest.mark.parametrize(
    ("status", "document", "kind", "why"),
    [
        (429, documented.TOO_MANY, RateLimited, "too many requests"),
        (403, b"<html>Forbidden</html>", RateLimited, "too many requests"),
        (403, {"title": "Forbidden", "status": 403, "detail": "no"}, AuthFailed, "auth"),
        (401, documented.BAD_KEY, AuthFailed, "auth"),
        (400, documented.COMPLIANCE, Permanent, "consent withdrawn"),
        (400, documented.FORGOTTEN, Permanent, "consent withdrawn"),
        (400, documented.MANY_LISTS, RateLimited, "address throttled"),
        (405, documented.METHOD_NOT_ALLOWED, httpx2.HTTPStatusError, "rejected"),
        (500, b"<html>Odd</html>", httpx2.HTTPStatusError, "server error"),
        (503, {}, httpx2.HTTPStatusError, "unavailable"),
    ],
)
def test_bad_answers_are_of_a_kind(
    account: SimulatedMailchimp, client: Mailchimp, status: int, document: Any, kind: type[Exception], why: str
) -> None:
    """Each documented problem, and a page in its place, counts as what it is; none tells the key."""
    account.fail_next(1, status, document)
    with pytest.raises(kind) as told:
        client.upsert_member("abc", Member(email=URIST))
    assert classify(told.value).why == why
    assert bool(nothing_done(told.value)) == (status < 500)
    assert account.api_key not in repr(told.value)


def test_an_address_that_signed_up_a_lot_waits_long(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """It is no mistake of ours, and no short throttle."""
    account.audiences["abc"].throttled.add(URIST.lower())
    with pytest.raises(RateLimited) as told:
        client.upsert_member("abc", Member(email=URIST))
    assert told.value.retry_after == ADDRESS_THROTTLED


def test_merge_fields_are_checked_and_the_bad_one_is_named(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """mailchimp.com/developer/marketing/docs/merge-fields: a number is a number."""
    with pytest.raises(InvalidInput, match="Please enter a number") as told:
        client.upsert_member("abc", Member(email=URIST, merge_fields={"AGE": "many"}))
    assert told.value.field == "AGE"
    assert account.audiences["abc"].members == {}


def test_the_eleventh_call_at_a_time_is_refused(account: SimulatedMailchimp, client: Mailchimp) -> None:
    """mailchimp.com/developer/marketing/guides/run-async-requests-batch-endpoint: 10 concurrent connections."""
    account.delay(timedelta(milliseconds=300))
    found: list[str] = []

    def ask() -> None:
        try:
            client.member("abc", URIST)
            found.append("answered")
        except RateLimited:
            found.append("throttled")

    threads = [threading.Thread(target=ask) for _ in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found.count("answered") >= 10
    assert found.count("throttled") == sum(call.status == 429 for call in account.calls)
    assert found.count("throttled") >= 1


def test_a_batch_is_done_in_its_own_time(account: SimulatedMailchimp, client: Mailchimp, clock: StillClock) -> None:
    """Submit, look, fetch the packed results; what is wrong with one call does not touch the others."""
    account.batches.takes = timedelta(minutes=2)
    calls = [
        Operation(method="PUT", path=f"/lists/abc/members/{member_id(mail)}", operation_id=mail, body=body)
        for mail, body in (
            ("a@h.tld", '{"email_address": "a@h.tld", "status_if_new": "subscribed"}'),
            ("b@h.tld", '{"email_address": "b@h.tld", "status_if_new": "subscribed", "merge_fields": {"AGE": "x"}}'),
        )
    ]
    batch = client.submit_batch(calls)
    assert batch.status == "pending"
    assert set(account.batches.route(_get(f"/batches/{batch.id}"), f"/batches/{batch.id}", "")[1]) == documented.BATCH
    clock.forward(timedelta(minutes=3))
    done = client.batch(batch.id)
    assert done is not None
    assert (done.status, done.total_operations, done.finished_operations, done.errored_operations) == (
        "finished",
        2,
        2,
        1,
    )
    results = client.batch_results(done)
    assert {one.operation_id: one.status_code for one in results} == {"a@h.tld": 200, "b@h.tld": 400}
    assert client.batch("none") is None
    asked = next(call for call in account.calls if call.path.startswith("/results/"))
    assert "authorization" not in asked.headers


def test_webhooks_are_added_once(client: Mailchimp) -> None:
    """mailchimp.com/developer/marketing/api/list-webhooks."""
    first = client.add_webhook("abc", "https://here.tld/hook", ["subscribe", "unsubscribe"])
    assert client.add_webhook("abc", "https://here.tld/hook", ["subscribe"]) == first
    client.remove_webhook("abc", first.id)
    client.remove_webhook("abc", first.id)
    assert client.webhooks("abc") == []


def test_a_message_goes_out_by_its_template(account: SimulatedMailchimp) -> None:
    """mailchimp.com/developer/transactional/api/messages/send-using-message-template; the key is not in the log."""
    account.mandrill.templates.add("welcome")
    account.mandrill.rejects["gone@h.tld"] = "unsub"
    client = Transactional(SecretStr(account.mandrill.key), f"{account.url}/api/1.0")
    sent = client.send_template("welcome", "a@h.tld", variables={"NAME": "A"}, metadata={"step": "1"})
    assert sent.accepted
    assert [(one.id, one.variables, one.metadata) for one in account.mandrill.sent] == [
        (sent.id, {"NAME": "A"}, {"step": "1"})
    ]
    rejected = client.send_template("welcome", "gone@h.tld")
    assert (rejected.accepted, rejected.reason) == (False, "unsub")
    account.mandrill.queues = True
    assert client.send_template("welcome", "b@h.tld").status == "queued"
    assert account.mandrill.key not in repr(account.calls)
    client.close()


def test_errors_of_messages_count_by_their_name(account: SimulatedMailchimp) -> None:
    """They come with status 500: an unknown template was refused, a general error may have been sent."""
    client = Transactional(SecretStr(account.mandrill.key), f"{account.url}/api/1.0")
    with pytest.raises(InvalidInput) as told:
        client.send_template("welcome", "a@h.tld")
    assert (told.value.field, told.value.code) == ("template", documented.NO_TEMPLATE["name"])
    assert nothing_done(told.value)
    with pytest.raises(AuthFailed):
        Transactional(SecretStr("wrong"), f"{account.url}/api/1.0").ping()
    account.fail_next(1, 500, {"status": "error", "code": -99, "name": "GeneralError", "message": "Odd"})
    with pytest.raises(httpx2.HTTPStatusError) as odd:
        client.send_template("welcome", "a@h.tld")
    assert not nothing_done(odd.value)
    account.fail_next(1, 429, {"status": "error", "name": "Too_Many", "message": "slower"}, {"Retry-After": "3"})
    with pytest.raises(RateLimited) as late:
        client.send_template("welcome", "a@h.tld")
    assert late.value.retry_after == timedelta(seconds=3)
    client.close()


def test_the_data_centre_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address the key says it; a key that does not is a mistake in the settings; no key is told plainly."""
    monkeypatch.setenv("DRAMATURG_MAILCHIMP_API_KEY", "0123456789abcdef-us6")
    assert MailchimpSettings.load(None).base_url == "https://us6.api.mailchimp.com/3.0"
    monkeypatch.setenv("DRAMATURG_MAILCHIMP_API_KEY", "0123456789abcdef")
    with pytest.raises(SettingsError, match="data centre") as told:
        MailchimpSettings.load(None)
    assert "0123456789abcdef" not in str(told.value)
    monkeypatch.delenv("DRAMATURG_MAILCHIMP_API_KEY")
    with pytest.raises(AuthFailed, match="DRAMATURG_MAILCHIMP_API_KEY"):
        mailchimp(MailchimpSettings.load(None))


def _get(path: str) -> Any:
    from pipeline.testing.simulated_api import Request

    return Request("GET", path, {}, {}, None, b"")
