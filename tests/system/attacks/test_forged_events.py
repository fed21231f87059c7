"""Whoever has one service's credentials speaks for that service alone."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from amqp import Message
from kombu import Connection

from ops.parked import ParkingLot
from tests.system.world import Community, World


def forged(name: str, body: dict[str, Any], speaker: str = "residents") -> Message:
    """What residents would say, with its headers."""
    id = str(uuid.uuid4())
    headers = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": id,
        "cloudEvents:source": f"/linli/{speaker}",
        "cloudEvents:type": f"linli.{speaker}.{name}",
        "cloudEvents:subject": next(iter(body.values())),
        "cloudEvents:time": datetime.now(UTC).isoformat(),
        "cloudEvents:dataschema": f"/api/events/{name}.json",
        "cloudEvents:sequence": "9",
        "cloudEvents:community": "lijing",
        "linli-origin": f"{speaker}.out/{name}",  # which they may say, too
    }
    text = json.dumps(body).encode()
    return Message(text, content_type="application/json", delivery_mode=2, message_id=id, application_headers=headers)


def parked(world: World, id: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [row for row in ParkingLot(world.here.amqp("operator")).rows() if row["id"] == id]

    return dict(world.until(found, what="it to be parked")[0])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("resident_erased", {"resident_id": "somebody"}),
        ("worker_appointed", {"worker_id": "w", "roles": ["secretary"]}),
        ("community_calendar_changed", {"community_id": "c", "days": []}),
    ],
)
def test_erasing_or_appointing_somebody_with_the_credentials_of_bookings(
    world: World, lijing: Community, name: str, body: dict[str, Any]
) -> None:
    victim = lijing.register()["id"]
    body = {key: victim if value == "somebody" else value for key, value in body.items()}
    message = forged(name, body)
    with Connection(world.here.amqp("bookings"), transport_options={"confirm_publish": True}) as connection:
        # By a key to which its neighbours listen; the header says otherwise.
        connection.channel().basic_publish(message, exchange="bookings.out", routing_key="reservation_confirmed")
    row = parked(world, str(message.properties["message_id"]))
    assert row["error"] == "foreign_event"
    assert lijing.worker.get(lijing.path(f"/residents/{victim}"))["state"] == "active"
    assert ParkingLot(world.here.amqp("operator")).drop(row["id"])


def test_what_was_parked_comes_back_with_where_it_came_from(world: World) -> None:
    """A replay gives nobody's word more weight than it had."""
    message = forged("resident_erased", {"resident_id": "x"})
    with Connection(world.here.amqp("bookings"), transport_options={"confirm_publish": True}) as connection:
        connection.channel().basic_publish(message, exchange="bookings.out", routing_key="reservation_confirmed")
    row = parked(world, str(message.properties["message_id"]))
    lot = ParkingLot(world.here.amqp("operator"))
    assert lot.show(row["id"])["headers"]["linli-origin"] == "bookings.out/reservation_confirmed"
    assert lot.replay(row["id"]) == 1
    assert parked(world, row["id"])["error"] == "foreign_event"
    lot.drop(row["id"])
