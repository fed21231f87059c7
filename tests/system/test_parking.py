"""What cannot be handled is parked with its reason; what only failed for a moment is tried again."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from amqp import Message
from kombu import Connection, Queue

from ops.parked import ParkingLot
from tests.system.world import Community, World, tomorrow


def _headers(**changed: Any) -> dict[str, Any]:
    headers = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": str(uuid.uuid4()),
        "cloudEvents:source": "/linli/bookings",
        "cloudEvents:type": "linli.bookings.reservation_confirmed",
        "cloudEvents:subject": "r1",
        "cloudEvents:time": datetime.now(UTC).isoformat(),
        "cloudEvents:dataschema": "/api/events/reservation_confirmed.json",
        "cloudEvents:sequence": "1",
        "cloudEvents:community": "lijing",
        "linli-origin": "bookings.out/reservation_confirmed",
    }
    return {k: v for k, v in (headers | {f"cloudEvents:{k}": v for k, v in changed.items()}).items() if v is not None}


BODY = {
    "reservation_id": "r1", "room_id": "x", "room_name": "x", "resident_id": "p1", "start": "2026-12-01T10:00:00+08:00",
    "end": "2026-12-01T11:00:00+08:00", "at": "2026-11-22T10:00:00+00:00",
}  # fmt: skip
WRONG = [
    (b"{not json", "application/json", {}, "broken_json"),
    (json.dumps(BODY).encode(), "text/plain", {}, "content_type"),
    (json.dumps(BODY | {"start": "soon"}).encode(), "application/json", {}, "schema"),
    (json.dumps(BODY | {"start": "2026-12-01T10:00:00"}).encode(), "application/json", {}, "schema"),
    (json.dumps({k: v for k, v in BODY.items() if k != "room_id"}).encode(), "application/json", {}, "schema"),
    (
        json.dumps(BODY).encode(),
        "application/json",
        {"dataschema": "/api/events/reservation_confirmed_v9.json"},
        "unknown_version",
    ),
    (json.dumps(BODY).encode(), "application/json", {"specversion": "2.0"}, "unknown_version"),
    (json.dumps(BODY).encode(), "application/json", {"type": None}, "no_envelope"),
    (json.dumps(BODY).encode(), "application/json", {"id": None}, "no_envelope"),
    (json.dumps(BODY).encode(), "application/json", {"time": datetime.now(UTC).isoformat()[:19]}, "no_envelope"),
    (json.dumps(BODY).encode(), "application/json", {"time": "2020-01-01T00:00:00+00:00"}, "too_old"),
]


def _parked(world: World, id: str = "") -> list[dict[str, Any]]:
    return [row for row in ParkingLot(world.here.amqp("operator")).rows() if id in ("", row["id"])]


HANDLER = "tell_whom_it_concerns"


def _told(lijing: Community, event: dict[str, Any]) -> list[str]:
    """What the resident's inbox says of an event: messages of scenarios that moved the clock may be newer."""
    found = lijing.told(lijing.id_of("resident"))
    return [m["template"] for m in found if m["event_id"] == event["id"]]


@pytest.mark.parametrize(("body", "media", "headers", "reason"), WRONG)
def test_a_message_that_can_never_be_handled_is_parked_at_once(
    world: World, lijing: Community, body: bytes, media: str, headers: dict[str, Any], reason: str
) -> None:
    id = str(uuid.uuid4())
    message = Message(body, content_type=media, delivery_mode=2, message_id=id, application_headers=_headers(**headers))
    with Connection(world.here.amqp("notifications"), transport_options={"confirm_publish": True}) as connection:
        connection.channel().basic_publish(message, exchange="notifications.retry", routing_key="inbox")
    (row,) = world.until(lambda: _parked(world, id), what="the message to be parked")
    assert (row["service"], row["error"]) == ("notifications", reason)
    assert row["failed_at"]
    made = lijing.reserve(lijing.resident, lijing.room()["id"], tomorrow(9)).json()
    world.settle()
    (event,) = world.heard("reservation_confirmed", made["id"])
    assert _told(lijing, event) == ["reservation_confirmed"]
    assert world.linli("parked", "drop", id, "--yes").returncode == 0
    assert not _parked(world, id)


def test_an_undecodable_message_is_parked_too(world: World) -> None:
    id = str(uuid.uuid4())
    message = Message(b"\xff\xfe", content_type="application/json", content_encoding="utf-99", message_id=id)
    with Connection(world.here.amqp("notifications"), transport_options={"confirm_publish": True}) as connection:
        connection.channel().basic_publish(message, exchange="notifications.retry", routing_key="inbox")
    (row,) = world.until(lambda: _parked(world, id), what="the message to be parked")
    assert row["error"] == "no_envelope"
    ParkingLot(world.here.amqp("operator")).drop(id)


def test_a_handler_that_always_fails_parks_and_replay_works_after_the_cause_is_mended(world: World, lijing: Community) -> None:
    broken = world.faults / f"notifications.{HANDLER}.fails"
    broken.touch()
    room = lijing.room()
    try:
        made = lijing.reserve(lijing.resident, room["id"], tomorrow(9)).json()
        cancelled = lijing.reserve(lijing.resident, room["id"], tomorrow(11)).json()
        lijing.resident.post(f"/lijing/reservations/{cancelled['id']}/cancel", {})
        mine = {made["id"]: 1, cancelled["id"]: 2}

        def ids():
            return [
                e["id"]
                for name in ("reservation_confirmed", "reservation_cancelled")
                for id in mine
                for e in world.heard(name, id)
            ]

        world.until(lambda: len(ids()) == sum(mine.values()), what="the events")
        world.until(lambda: set(ids()) <= {row["id"] for row in _parked(world)}, what="the events to be parked")
        # The rest flowed on meanwhile: another handler of the same service heard of somebody new.
        newcomer = lijing.register()["id"]
        known = world.mongo["notifications"]["preferences"]
        world.until(lambda: known.find_one({"_id": newcomer}), what="the newcomer")
    finally:
        broken.unlink()
    (event,) = world.heard("reservation_confirmed", made["id"])
    (row,) = _parked(world, event["id"])
    assert (row["error"], row["attempts"], row["handler"]) == ("RuntimeError", 5, HANDLER)
    table = world.linli("parked", "list")
    assert event["id"] in table.stdout
    shown = json.loads(world.linli("parked", "show", event["id"], "--json").stdout)
    assert json.loads(shown["body"])["reservation_id"] == made["id"]
    assert world.linli("parked", "replay", "all").returncode == 0
    world.until(lambda: not _parked(world), what="an empty parking place")
    world.settle()
    told = [m for m in lijing.inbox(lijing.resident) if m["event_id"] == event["id"]]
    assert len(told) == 1


def test_a_transient_failure_succeeds_by_retry_and_no_other_subscriber_hears_twice(world: World, lijing: Community) -> None:
    with Connection(world.here.amqp("demo")) as connection:
        other = Queue("demo.other", durable=True)(connection.channel())
        other.queue_declare()
        other.bind_to("bookings.events", routing_key="reservation_confirmed")
        broken = world.faults / f"notifications.{HANDLER}.fails"
        broken.touch()
        failed = world.metric("notifications", "linli_events_consumed_total")
        made = lijing.reserve(lijing.resident, lijing.room()["id"], tomorrow(9)).json()
        world.until(lambda: world.metric("notifications", "linli_events_consumed_total") > failed, what="the first failure")
        broken.unlink()
        world.settle()
        (event,) = world.heard("reservation_confirmed", made["id"])
        assert _told(lijing, event) == ["reservation_confirmed"]
        assert not _parked(world, event["id"])
        got = []
        while (message := other.get(no_ack=True)) is not None:
            got.append(message.headers["cloudEvents:id"])
        assert got.count(event["id"]) == 1
        other.delete()
