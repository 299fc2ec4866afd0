"""What is in the bodies of those who send webhooks: one event each, under an id that a second delivery has too."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import orjson

from pipeline.webhooks.signatures import Envelope
from pipeline.webhooks.sources import Arrival, Unreadable

#: Fields of a form, and names within names, at most.
_FIELDS = 1_000
_DEPTH = 6
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def standard_event(envelope: Envelope, body: bytes) -> Iterator[Arrival]:
    """Read one event as Standard Webhooks sends it: its id is ``webhook-id``; ``data`` of ``type`` and ``data``."""
    value = _json(body)
    wrapped = isinstance(value, dict) and "type" in value and "data" in value
    yield Arrival(envelope.header("webhook-id"), value["data"] if wrapped else value)


def whatsapp_events(envelope: Envelope, body: bytes) -> Iterator[Arrival]:
    """Read what the WhatsApp Cloud API sends: messages, statuses of ours, errors, and changes of the account."""
    del envelope
    told = _json(body)
    if not isinstance(told, dict) or told.get("object") != "whatsapp_business_account":
        raise Unreadable("the body is not about a WhatsApp business account")
    whole = hashlib.sha256(body).hexdigest()
    found = [
        arrival
        for at, entry in enumerate(_objects(told, "entry"))
        for number, change in enumerate(_objects(entry, "changes"))
        for arrival in _whatsapp_change(entry, change, f"{whole}:{at}:{number}")
    ]
    yield from found


def mailchimp_event(envelope: Envelope, body: bytes) -> Iterator[Arrival]:
    """Read the form that Mailchimp's audiences send; it has no id of its own, so its fields are the id."""
    del envelope
    fields = _form(body)
    event = _nested(fields)
    if not isinstance(event.get("type"), str) or not isinstance(event.get("data"), dict):
        raise Unreadable("the form has no type, or no data")
    yield Arrival(_digest(sorted(fields)), event)


def mandrill_events(envelope: Envelope, body: bytes) -> Iterator[Arrival]:
    """Read the events that Mailchimp Transactional sends: a list in JSON, in the one field of a form."""
    del envelope
    fields = _form(body)
    if [name for name, _ in fields] != ["mandrill_events"]:
        raise Unreadable("the form has other fields than mandrill_events")
    events = _json(fields[0][1].encode())
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Unreadable("mandrill_events is no list of objects")
    yield from [Arrival(_digest(event), event) for event in events]


def hubspot_events(envelope: Envelope, body: bytes) -> Iterator[Arrival]:
    """Read the events that HubSpot sends; which attempt it was is no part of an event."""
    del envelope
    events = _json(body)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Unreadable("the body is no list of objects")
    told = [{name: value for name, value in event.items() if name != "attemptNumber"} for event in events]
    yield from [Arrival(_digest(event), event) for event in told]


def _whatsapp_change(entry: dict[str, Any], change: dict[str, Any], place: str) -> Iterator[Arrival]:
    value = change.get("value")
    about = {"account": _text(entry.get("id")), "field": _text(change.get("field"))}
    if change.get("field") != "messages" or not isinstance(value, dict):
        yield Arrival(_digest([entry.get("id"), entry.get("time"), change]), {**about, "kind": "other", "told": change})
        return
    metadata = value.get("metadata")
    about["number"] = _text(metadata.get("phone_number_id")) if isinstance(metadata, dict) else ""
    names = {_text(contact.get("wa_id")): contact for contact in _objects(value, "contacts")}
    for message in _objects(value, "messages"):
        contact = names.get(_text(message.get("from")))
        event = {**about, "kind": "message", "told": message, "contact": contact}
        yield Arrival(_text(message.get("id")) or _digest(message), event)
    for status in _objects(value, "statuses"):
        known = f"{_text(status.get('id'))}:{_text(status.get('status'))}"
        yield Arrival(known, {**about, "kind": "status", "told": status})
    for number, error in enumerate(_objects(value, "errors")):
        yield Arrival(f"{place}:{number}", {**about, "kind": "error", "told": error})


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the body is no JSON: {error}") from None


def _objects(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = holder.get(name, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unreadable(f"{name} is no list of objects")
    return items


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError as error:
        raise Unreadable(f"the body is no form: {type(error).__name__}") from None


def _nested(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """Give ``data[merges][FNAME]=Ada`` as ``{"data": {"merges": {"FNAME": "Ada"}}}``."""
    tree: dict[str, Any] = {}
    for name, value in fields:
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise Unreadable("the form has a field whose name cannot be read")
        path = [parts[1], *re.findall(r"\[([^\[\]]*)\]", parts[2])]
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise Unreadable("the form has a field that is a value and a group of fields")
        if len(path) > _DEPTH or isinstance(place.get(path[-1]), dict):
            raise Unreadable("the form has a field that is a value and a group of fields, or too deep")
        place[path[-1]] = value
    return tree


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _digest(value: Any) -> str:
    try:
        return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:  # orjson reads deeper than it writes
        raise Unreadable(f"the body is nested too deep: {error}") from None
