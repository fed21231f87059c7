"""What travels: a bare JSON body, CloudEvents 1.0 attributes in headers, and CC for one community's listeners."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from amqp import Message
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from shared.errors import Permanent
from shared.events.base import Event

PREFIX = "cloudEvents:"
_schemas: dict[type[Event], Schema] = {}


@dataclass(frozen=True)
class Heard:
    """An event as a listener gets it: what was said, and the circumstances."""

    event: Event
    id: str
    community: str
    subject: str
    sequence: int
    time: datetime
    correlation: str
    trace: str


def message_for(service: str, community: str, row: dict[str, Any]) -> Message:
    """The AMQP message of one outbox row."""
    name = row["name"]
    headers = {
        "CC": [f"{name}.{community}"],
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": row["id"],
        "cloudEvents:source": f"/linli/{service}",
        "cloudEvents:type": f"linli.{service}.{name}",
        "cloudEvents:subject": row["subject"],
        "cloudEvents:time": row["at"].isoformat(timespec="milliseconds"),
        "cloudEvents:dataschema": f"/api/events/{name}.json",
        "cloudEvents:sequence": str(row["sequence"]),
        "cloudEvents:community": community,
        "cloudEvents:traceparent": row["trace"],
        "cloudEvents:correlationid": row["correlation"],
    }
    return Message(
        row["body"].encode(),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=row["id"],
        application_headers=headers,
    )


def schema_for(event: type[Event]) -> Schema:
    """The marshmallow schema of an event, derived from its dataclass; unknown fields are read over."""
    if event not in _schemas:
        hints = typing.get_type_hints(event)
        made = {f.name: _field(hints[f.name], f) for f in dataclasses.fields(event)}
        _schemas[event] = Schema.from_dict(made, name=event.__name__)(unknown=EXCLUDE)
    return _schemas[event]


def _field(hint: Any, declared: dataclasses.Field[Any]) -> fields.Field[Any]:
    optional = declared.default is not dataclasses.MISSING
    arguments: dict[str, Any] = {"required": not optional}
    if optional:
        arguments["load_default"] = declared.default
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
        arguments["allow_none"] = True
    if typing.get_origin(hint) is list:
        inner = Schema.TYPE_MAPPING[typing.get_args(hint)[0]]
        return fields.List(inner(), **arguments)
    if hint is datetime:
        return fields.AwareDateTime(format="iso", default_timezone=UTC, **arguments)
    return Schema.TYPE_MAPPING[hint](**arguments)


def type_of(headers: dict[str, Any]) -> str:
    """The event's name from its headers. Raises Permanent where this is no event of ours."""
    kind = headers.get("cloudEvents:type")
    if not isinstance(kind, str) or not kind.startswith("linli."):
        raise Permanent("no_envelope", "the CloudEvents headers are missing")
    if headers.get("cloudEvents:specversion") != "1.0":
        raise Permanent("unknown_version", "not CloudEvents 1.0")
    return kind.rpartition(".")[2]


def read(event: type[Event], body: bytes, content_type: str, headers: dict[str, Any]) -> Heard:
    """Check and read one message. Raises Permanent: what is wrong with it will still be wrong the next time."""
    if content_type != "application/json":
        raise Permanent("content_type", "not application/json")
    if headers.get("cloudEvents:dataschema", f"/api/events/{event.name}.json") != f"/api/events/{event.name}.json":
        raise Permanent("unknown_version", "a data schema that this service does not know")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Permanent("broken_json", "the body is not JSON") from error
    try:
        said = event(**schema_for(event).load(data))
        return Heard(
            event=said,
            id=headers["cloudEvents:id"],
            community=headers["cloudEvents:community"],
            subject=headers["cloudEvents:subject"],
            sequence=int(headers["cloudEvents:sequence"]),
            time=datetime.fromisoformat(headers["cloudEvents:time"]),
            correlation=headers.get("cloudEvents:correlationid", ""),
            trace=headers.get("cloudEvents:traceparent", ""),
        )
    except ValidationError as error:
        raise Permanent("schema", f"fields at fault: {', '.join(sorted(error.normalized_messages()))}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise Permanent("no_envelope", "a CloudEvents header is missing or wrong") from error
