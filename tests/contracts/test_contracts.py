"""The wire contract: a kept sample of every event still reads, and nothing personal can be in one."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import orjson
import pytest

from ops.documents import asyncapi, event_schema
from shared.broker.envelope import decode, message_for, read
from shared.events import Event

SAMPLES = Path(__file__).parent / "samples"
EVENTS = sorted(Event.catalogue.values(), key=lambda event: event.name)
PERSONAL = {"name", "phone", "address", "id_number", "email", "text", "birth_date", "contacts", "purpose"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_kept_sample_still_reads_and_holds_every_field(event: type[Event]) -> None:
    sample = json.loads((SAMPLES / f"{event.name}.json").read_text())
    events = decode(event, orjson.dumps(sample))
    assert orjson.loads(orjson.dumps(events)).keys() == {f.name for f in dataclasses.fields(event)}
    assert sample.keys() <= {f.name for f in dataclasses.fields(event)}, "a field was taken away"
    required = {f.name for f in dataclasses.fields(event) if f.default is dataclasses.MISSING}
    assert required <= sample.keys(), "a field was added without a default"
    jsonschema.validate(sample, event_schema(event), format_checker=jsonschema.FormatChecker())


def test_no_event_is_without_a_sample_and_no_sample_without_its_event() -> None:
    assert {file.stem for file in SAMPLES.glob("*.json")} == set(Event.catalogue)


def test_the_architecture_says_of_every_event_who_says_it() -> None:
    events: dict[str, str] = {}
    for line in (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4:
            events |= dict.fromkeys(cells[0].split(", "), cells[1])
    assert {name: event.speaker for name, event in Event.catalogue.items()}.items() <= events.items()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_survives_the_wire_with_fields_that_nobody_knows_yet(event: type[Event]) -> None:
    events = decode(event, (SAMPLES / f"{event.name}.json").read_bytes())
    body = orjson.dumps(orjson.loads(orjson.dumps(events)) | {"added_later": 1}).decode()
    row = {
        "id": "e1",
        "name": event.name,
        "subject": "s1",
        "body": body,
        "sequence": 3,
        "at": datetime.fromisoformat("2026-11-22T12:00:00+00:00"),
        "correlation": "c1",
        "trace": "t1",
    }
    message = message_for(event.speaker, "lijing", row)
    assert message.properties["content_type"] == "application/json"
    assert message.properties["delivery_mode"] == 2
    assert message.headers["CC"] == [f"{event.name}.lijing"]
    heard = read(event, message.body, "application/json", message.headers)
    assert heard.event == events
    assert (heard.id, heard.community, heard.subject, heard.sequence) == ("e1", "lijing", "s1", 3)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_no_event_has_a_field_for_personal_data(event: type[Event]) -> None:
    assert not PERSONAL & set(get_type_hints(event)) - {"name", "speaker"} - set(_class_names())
    assert not PERSONAL & {f.name for f in dataclasses.fields(event)}
    assert event.__doc__
    assert not event.__doc__.startswith(f"{event.__name__}(")


def _class_names() -> set[str]:
    return {"catalogue"}


def test_the_asyncapi_document_names_every_event_with_its_exchange() -> None:
    document: dict[str, Any] = asyncapi()
    assert set(document["components"]["messages"]) == {name for name, event in Event.catalogue.items() if not event.restricted}
    assert {c["address"] for c in document["channels"].values()} == {f"{event.speaker}.events" for event in EVENTS}
    for speaker, channel in document["channels"].items():
        assert channel["address"] == f"{speaker}.events"
    assert document["asyncapi"] == "3.0.0"
