"""Sittings, asked for and answered by event. The asker is played by its own user on the broker."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from kombu import Connection

from shared.broker.envelope import message_for
from shared.events.petitions import SittingDropped, SittingRequested
from tests.system.scenes import refused
from tests.system.world import Community, World, tomorrow


class Asker:
    """What another service does: it says its events on its own exchange."""

    def __init__(self, world: World, channel: Any) -> None:
        self.world, self._channel = world, channel

    def say(self, event: Any, id: str = "") -> str:
        row = {
            "id": id or str(uuid.uuid4()),
            "name": event.name,
            "subject": event.subject,
            "body": orjson.dumps(event).decode(),
            "sequence": 1,
            "at": datetime.now(UTC),
            "correlation": "c",
            "trace": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        }
        self._channel.basic_publish(message_for("petitions", "lijing", row), exchange="petitions.out", routing_key=event.name)
        return str(row["id"])

    def asks(self, room: str, judge: str, start: datetime, hours: int = 1, request: str = "") -> str:
        request = request or str(uuid.uuid4())
        end = start + timedelta(hours=hours)
        self.say(SittingRequested(request, "H-2026-7", room, [judge], start, end, datetime.now(UTC)))
        return request

    def answer(self, name: str, request: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.until(
            lambda: next((e["body"] for e in self.world.heard(name) if e["body"]["request_id"] == request), None), what=name
        )
        return found


@pytest.fixture(scope="module")
def asker(world: World) -> Iterator[Asker]:
    with Connection(world.here.amqp("petitions")) as connection, closing(connection.channel()) as channel:
        yield Asker(world, channel)


def test_a_sitting_holds_its_room_and_its_judge_and_a_clash_is_refused_with_alternatives(
    world: World, lijing: Community, asker: Asker
) -> None:
    court, other = lijing.room(use="meeting")["id"], lijing.room(use="meeting")["id"]
    judge = lijing.room(use="judge", capacity=1)["id"]
    start = tomorrow(10)
    booked = asker.answer("sitting_booked", first := asker.asks(court, judge, start))
    assert (booked["reference"], booked["room_id"], booked["resources"]) == ("H-2026-7", court, [judge])
    refused(lijing.reserve(lijing.resident, court, start), 409, "slot_taken")
    # The other room is free then, its judge is not.
    no = asker.answer("sitting_refused", asker.asks(other, judge, start))
    assert (no["reason"], len(no["alternatives"])) == ("slot_taken", 3)
    begins, ends = (datetime.fromisoformat(part) for part in no["alternatives"][0].split("/"))
    again = asker.answer("sitting_booked", asker.asks(other, judge, begins))
    assert datetime.fromisoformat(again["end"]) == ends
    assert asker.answer("sitting_refused", asker.asks("nowhere", judge, start))["reason"] == "room_unknown"
    assert asker.answer("sitting_refused", asker.asks(court, judge, tomorrow(23)))["reason"] == "room_closed"
    # Said again, it is answered once; dropped, the room is free.
    asker.asks(court, judge, start, request=first)
    asker.say(SittingDropped(first, datetime.now(UTC)))
    world.until(lambda: lijing.reserve(lijing.resident, court, start).status_code == 201, what="the room")
    world.settle()
    assert len([e for e in world.heard("sitting_booked") if e["body"]["request_id"] == first]) == 1


def test_a_sitting_that_the_centre_takes_back_is_withdrawn_with_alternatives(lijing: Community, asker: Asker) -> None:
    court, judge = lijing.room(use="meeting")["id"], lijing.room(use="judge", capacity=1)["id"]
    request = asker.asks(court, judge, tomorrow(14))
    id = asker.answer("sitting_booked", request)["sitting_id"]
    assert id in [s["id"] for s in lijing.as_("court").get(lijing.path("/sittings?limit=200"))["items"]]
    refused(lijing.resident.call("GET", lijing.path("/sittings")), 403, "role_missing")
    withdrawn = lijing.secretary.post(lijing.path(f"/sittings/{id}/withdraw"), {"reason": "漏水"})
    assert withdrawn["state"] == "cancelled"
    assert asker.answer("sitting_withdrawn", request)["alternatives"]


def test_a_drop_that_overtakes_its_request_still_drops_it(world: World, lijing: Community, asker: Asker) -> None:
    court, judge, request = lijing.room(use="meeting")["id"], lijing.room(use="judge")["id"], str(uuid.uuid4())
    asker.say(SittingDropped(request, datetime.now(UTC)))

    def logs():
        return "".join(f.read_text() for f in world.here.path("logs", "").glob("bookings-*.log"))

    def retried():
        return [x for x in logs().splitlines() if '"retried"' in x and "sitting_dropped" in x]

    world.until(retried, what="a retry")
    asker.asks(court, judge, tomorrow(9), request=request)
    asker.answer("sitting_booked", request)
    world.until(lambda: lijing.reserve(lijing.resident, court, tomorrow(9)).status_code == 201, what="the room")
