"""Push: tells the platform what changed here, in calls that may be repeated, one piece of an audience a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import orjson
from pydantic import BaseModel

from actors.growth.campaigns_settings import CampaignsSettings
from actors.growth.contacts import Contacts
from actors.growth.field_mapping import FieldMapping
from actors.growth.mailchimp import BREAKER, LIMIT, Mailchimp, mailchimp, member_path, upsert_body
from actors.growth.mailchimp_errors import of_problem
from actors.growth.mailchimp_models import GONE, Member, MemberState, Operation, OperationResult
from actors.growth.member_merge import MemberRow, merge, task_of
from actors.growth.members import Members, read
from actors.growth.wire import Reply
from pipeline import AuthFailed, Permanent, RateLimited, Run, Snooze, actor

_SHOWN = 500


class Piece(BaseModel):
    """A piece of an audience: the members from one id to another of whom there is something to tell."""

    list_id: str
    first: str
    last: str


class Pushed(BaseModel):
    """What came of it: members told of, refused for good, and left for a later time."""

    told: int = 0
    refused: int = 0
    later: int = 0

    def plus(self, other: Pushed) -> Pushed:
        """Add up."""
        return Pushed(told=self.told + other.told, refused=self.refused + other.refused, later=self.later + other.later)


@actor(name="campaign.push", limits=[LIMIT], breaker=BREAKER)
def push(piece: Piece, run: Run) -> Pushed:
    """Tell the platform about one piece: a few members one by one, more in a batch."""
    members, client, settings = Members(), mailchimp(), CampaignsSettings.current()
    if run.recall("effect:batch") is None:
        due = members.store.due(piece.list_id, piece.first, piece.last, run.now)
        if len(due) <= settings.direct:
            return _one_by_one(client, members, piece, [row["id"] for row in due], run)
    batch_id = run.effect(submit_batch, piece, run.now, key="batch", idempotent=True)
    if not batch_id:
        return Pushed()
    batch = client.batch(batch_id)
    if batch is None:
        raise Permanent(f"the platform knows nothing of its batch {batch_id}; the next sync tells it all again")
    if batch.status != "finished":
        run.progress("batch", 0, done=batch.finished_operations, total=batch.total_operations)
        raise Snooze(settings.poll, f"batch {batch_id} is {batch.status}")
    return settle(members, piece.list_id, client.batch_results(batch), run.now)


def operation(row: MemberRow, mapping: FieldMapping, *, double_opt_in: bool = False) -> Operation | None:
    """Give the call that tells the platform about a member, or none if there is nothing to tell.

    Somebody who was there is never added again, and nobody's status is ever set to anything but unsubscribed.
    """
    task = task_of(row, mapping)
    if not task:
        return None
    path = member_path(row.list_id, row.email)
    if task == "add":
        fields = {name: value for name, value in mapping.there(row.fields).items() if value != ""}
        member = Member(
            email=row.email, merge_fields=fields, status_if_new="pending" if double_opt_in else "subscribed"
        )
        return Operation(method="PUT", path=path, operation_id=row.id, body=orjson.dumps(upsert_body(member)).decode())
    differ = {one.theirs for one in mapping.fields if row.fields.get(one.ours) != row.agreed.get(one.ours)}
    said: dict[str, object] = {}
    if differ:
        said["merge_fields"] = {name: value for name, value in mapping.there(row.fields).items() if name in differ}
    if task == "unsubscribe":
        said["status"] = "unsubscribed"
    return Operation(method="PATCH", path=path, operation_id=row.id, body=orjson.dumps(said).decode())


def take(members: Members, list_id: str, ids: Sequence[str]) -> list[Operation]:
    """Write down what is about to be sent, and give the calls that send it."""
    found: list[Operation] = []
    opt_in = CampaignsSettings.current().double_opt_in

    def taken(there: Mapping[str, MemberRow]) -> Iterator[MemberRow]:
        for row in there.values():
            call = operation(row, members.mapping, double_opt_in=opt_in)
            if call is not None:
                found.append(call)
                yield row.model_copy(update={"sent": dict(row.fields)})

    members.change(list_id, ids, taken)
    return found


def settle(members: Members, list_id: str, results: Sequence[OperationResult], now: datetime) -> Pushed:
    """Take over what the platform answered for each member; doing it twice changes nothing."""
    told = {result.operation_id: result for result in results}
    counts: list[Pushed] = []
    rows = {key: read(row) for key, row in members.store.rows(list_id, list(told)).items()}
    for key, row in rows.items():
        after, _ = _settled(row, told[key], members.mapping, now)
        if after.status in GONE and row.status not in GONE and not _is_missing(told[key]):
            why = after.problem or f"{after.status} at Mailchimp"
            Contacts(members.database).withdraw("email", email=row.email, why=why, at=now)

    def settled(there: Mapping[str, MemberRow]) -> Iterator[MemberRow]:
        for key, row in there.items():
            after, count = _settled(row, told[key], members.mapping, now)
            counts.append(count)
            yield after

    members.change(list_id, list(told), settled)
    return sum_of(counts)


def sum_of(counts: Sequence[Pushed]) -> Pushed:
    """Add up what came of several."""
    whole = Pushed()
    for one in counts:
        whole = whole.plus(one)
    return whole


def submit_batch(piece: Piece, now: datetime) -> str:
    """Submit what is due in a piece as a batch, and give the batch's id; empty if nothing is due."""
    members = Members()
    due = members.store.due(piece.list_id, piece.first, piece.last, now)
    calls = take(members, piece.list_id, [row["id"] for row in due])
    return mailchimp().submit_batch(calls).id if calls else ""


def _one_by_one(client: Mailchimp, members: Members, piece: Piece, ids: Sequence[str], run: Run) -> Pushed:
    results: list[OperationResult] = []
    try:
        for call in take(members, piece.list_id, ids):
            run.proceed(f"push {call.operation_id}")
            results.append(client.operate(call))
    except Exception:
        settle(members, piece.list_id, results, run.now)  # what was told need not be told again
        raise
    return settle(members, piece.list_id, results, run.now)


def _settled(row: MemberRow, result: OperationResult, mapping: FieldMapping, now: datetime) -> tuple[MemberRow, Pushed]:
    if result.status_code < 300:  # noqa: PLR2004 - HTTP's own range
        state = MemberState.model_validate_json(result.response)
        return merge(row, state, row.list_id, mapping).model_copy(update={"sent": None, "not_before": None}), Pushed(
            told=1
        )
    problem = _problem(result)
    if isinstance(problem, RateLimited):
        wait = problem.retry_after
        return row.model_copy(update={"not_before": None if wait is None else now + wait}), Pushed(later=1)
    if isinstance(problem, Permanent) and not isinstance(problem, AuthFailed):
        gone = problem.why in {"consent withdrawn", "not found"}
        status = {"status": row.status if row.status in GONE else "archived"} if gone else {}
        return row.model_copy(update={"problem": str(problem)[:_SHOWN], "sent": None, **status}), Pushed(refused=1)
    return row, Pushed(later=1)


def _is_missing(result: OperationResult) -> bool:
    # Of somebody, or of the whole audience: that says nothing about consent.
    return result.status_code == 404  # noqa: PLR2004 - HTTP's own number


def _problem(result: OperationResult) -> Exception | None:
    try:
        said = orjson.loads(result.response)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    if result.status_code == 429:  # noqa: PLR2004 - HTTP's own number
        return RateLimited()
    return of_problem(said, Reply(result.status_code, {}, result.response.encode()))
