"""Calendars to subscribe to, read by a parser that did not write them."""

from __future__ import annotations

from datetime import datetime

import requests
import vobject

from tests.system.scenes import refused
from tests.system.world import Community, World, tomorrow


def _entries(world: World, path: str) -> dict[str, tuple[datetime, str]]:
    """Each entry's start and summary by its id, as a calendar program would read them, without a token."""
    reply = requests.get(f"{world.here.base_url}{path}", timeout=20)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/calendar; charset=utf-8"
    text = reply.content.decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    calendar = vobject.readOne(text)
    assert calendar.version.value == "2.0"
    assert calendar.prodid.value
    found = {}
    for entry in calendar.contents.get("vevent", []):
        assert entry.dtend.value > entry.dtstart.value
        assert entry.dtstamp.value.tzinfo is not None
        found[entry.uid.value.partition("@")[0]] = (entry.dtstart.value, entry.summary.value)
    return found


def test_a_residents_feed_follows_their_bookings_until_it_is_revoked(world: World, lijing: Community) -> None:
    feed = lijing.resident.post(lijing.path("/feeds"), key="")
    room = lijing.room(name="阅览室,很长的名字" * 4)["id"]
    reservation = lijing.reserve(lijing.resident, room, tomorrow(9)).json()
    session = lijing.programme(tomorrow(19), title="合唱")["session"]
    place = lijing.take(session, client=lijing.resident).json()
    entries = _entries(world, feed["path"])
    assert entries[reservation["id"]][0] == tomorrow(9)
    assert entries[session] == (tomorrow(19), "合唱")
    lijing.resident.post(lijing.path(f"/reservations/{reservation['id']}/cancel"), {})
    lijing.resident.post(lijing.path(f"/places/{place['id']}/release"))
    after = _entries(world, feed["path"])
    assert reservation["id"] not in after
    assert session not in after
    refused(lijing.as_("guardian").call("POST", lijing.path(f"/feeds/{feed['id']}/revoke")), 404, "feed_missing")
    assert lijing.resident.post(lijing.path(f"/feeds/{feed['id']}/revoke"))["revoked"]
    assert requests.get(f"{world.here.base_url}{feed['path']}", timeout=20).status_code == 404
    elsewhere = feed["path"].replace("lijing", "shengtaiyuan")
    assert requests.get(f"{world.here.base_url}{elsewhere}", timeout=20).status_code == 404


def test_a_place_on_the_waiting_list_is_tentative_until_it_is_taken_up(world: World, lijing: Community) -> None:
    feed = lijing.resident.post(lijing.path("/feeds"), key="")
    session = lijing.programme(tomorrow(19), capacity=1)["session"]
    first = lijing.take(session, lijing.register()["id"]).json()
    place = lijing.take(session, client=lijing.resident).json()
    assert (first["state"], place["state"]) == ("taken", "waiting")

    def status() -> str:
        text = requests.get(f"{world.here.base_url}{feed['path']}", timeout=20).text
        entry = next(e for e in vobject.readOne(text).contents["vevent"] if e.uid.value.startswith(session))
        return str(entry.status.value)

    assert status() == "TENTATIVE"
    lijing.worker.post(lijing.path(f"/places/{first['id']}/release"))
    world.until(lambda: lijing.resident.get(lijing.path(f"/places/{place['id']}"))["state"] == "offered", what="the offer")
    assert status() == "TENTATIVE"
    lijing.resident.post(lijing.path(f"/places/{place['id']}/confirm"))
    assert status() == "CONFIRMED"


def test_a_rooms_feed_names_public_programmes_and_nothing_else(world: World, lijing: Community) -> None:
    room = lijing.room()["id"]
    session = lijing.programme(tomorrow(14), room=room, title="红歌")["session"]
    reservation = lijing.reserve(lijing.resident, room, tomorrow(9), purpose="家庭会议").json()
    path = f"/api/v1/lijing/rooms/{room}/calendar.ics"
    entries = _entries(world, path)
    assert {entries[session][1], entries[reservation["id"]][1]} == {"红歌", "占用"}
    raw = requests.get(f"{world.here.base_url}{path}", timeout=20).text
    assert "家庭会议" not in raw
    assert lijing.id_of("resident") not in raw
    for use in ("court", "mediation", "counselling", "judge", "mediator", "counsellor"):
        closed = f"/api/v1/lijing/rooms/{lijing.room(use=use)['id']}/calendar.ics"
        assert requests.get(f"{world.here.base_url}{closed}", timeout=20).status_code == 404
