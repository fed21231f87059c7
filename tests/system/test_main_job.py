"""The main job: a resident registers, books a room, and is told; what it refuses, and how it is read."""

from __future__ import annotations

import time

import pytest

from tests.system.world import Community, World, invented_phone, tomorrow

BOTH_SENT = {("inbox", "SENT"), ("mail", "SENT")}


def test_a_resident_registers_books_a_room_and_is_told(world: World, lijing: Community) -> None:
    since, phone, address = time.time(), invented_phone(), f"main-{time.time_ns()}@lijing.example"
    resident = lijing.register(phone=phone, email=address)
    person = world.demo.activate(phone)
    room = lijing.room()
    reply = lijing.reserve(person, room["id"], tomorrow(10))
    assert reply.status_code == 201
    assert reply.json()["state"] == "confirmed"
    assert reply.json()["resident_id"] == resident["id"]
    world.settle()
    events = world.heard("reservation_confirmed", reply.json()["id"])
    assert len(events) == 1
    (message,) = person.get("/lijing/inbox")["items"]
    assert message["event_id"] == events[0]["id"]
    assert room["name"] in message["text"]
    mail = world.until(lambda: world.demo.mail_to(address, since, room["name"]), what="the mail")
    assert "预约成功" in mail
    path = f"/lijing/deliveries?recipient={resident['id']}&event_id={events[0]['id']}"
    world.until(lambda: {(d["channel"], d["state"]) for d in lijing.worker.get(path)["items"]} == BOTH_SENT, what="the log")


def test_a_message_is_read_once_and_counts_as_read(world: World, lijing: Community) -> None:
    room = lijing.room()
    lijing.reserve(lijing.resident, room["id"], tomorrow(9)).raise_for_status()
    world.settle()
    newest = lijing.resident.get("/lijing/inbox?unread=true")["items"][0]
    assert lijing.resident.post(f"/lijing/inbox/{newest['id']}/read", key="")["read_at"]
    assert newest["id"] not in [m["id"] for m in lijing.resident.get("/lijing/inbox?unread=true")["items"]]
    assert lijing.worker.call("POST", f"/lijing/inbox/{newest['id']}/read").status_code == 403


def test_preferences_and_templates_are_heeded(world: World, lijing: Community) -> None:
    phone, address = invented_phone(), f"pref-{time.time_ns()}@lijing.example"
    resident = lijing.register(phone=phone, email=address, language="en")
    person = world.demo.activate(phone)
    assert person.patch("/lijing/preferences", {"channels": {"mail": False}})["channels"] == {"inbox": True, "mail": False}
    words = {"subject": "Room", "text": "Yours: {p} on {d}"}
    assert lijing.secretary.call("PUT", "/lijing/templates/reservation_confirmed/en", words).status_code == 200
    room = lijing.room(name="Hall A")
    lijing.reserve(person, room["id"], tomorrow(15)).raise_for_status()
    world.settle()
    assert person.get("/lijing/inbox")["items"][0]["text"].startswith("Yours: Hall A on ")
    log = lijing.worker.get(f"/lijing/deliveries?recipient={resident['id']}&channel=mail")["items"]
    assert [(d["state"], d["reason"]) for d in log] == [("SKIPPED", "not_wanted")]


@pytest.mark.parametrize(("name", "text", "code"), [
    ("nothing", "x", "template_unknown"),
    ("reservation_confirmed", "{phone}", "template_parameters"),
    ("reservation_confirmed", "{p", "template_malformed"),
])  # fmt: skip
def test_a_template_that_cannot_be_is_refused(lijing: Community, name: str, text: str, code: str) -> None:
    reply = lijing.secretary.call("PUT", f"/lijing/templates/{name}/en", {"subject": "x", "text": text})
    assert (reply.status_code, reply.json()["code"]) == (422, code)


def test_a_cancelled_reservation_frees_the_slot_and_tells(world: World, lijing: Community) -> None:
    room = lijing.room()
    made = lijing.reserve(lijing.resident, room["id"], tomorrow(11)).json()
    assert lijing.as_("guardian").call("POST", f"/lijing/reservations/{made['id']}/cancel", {}).status_code == 403
    cancelled = lijing.resident.post(f"/lijing/reservations/{made['id']}/cancel", {})
    assert cancelled["state"] == "cancelled"
    again = lijing.resident.call("POST", f"/lijing/reservations/{made['id']}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_cancelled")
    assert lijing.reserve(lijing.as_("guardian"), room["id"], tomorrow(11)).status_code == 201
    world.settle()
    (event,) = world.heard("reservation_cancelled", made["id"])
    told = [m["template"] for m in lijing.inbox(lijing.resident) if m["event_id"] == event["id"]]
    assert told == ["reservation_cancelled"]


def test_a_worker_books_for_a_resident_who_was_registered_a_moment_ago(lijing: Community) -> None:
    room = lijing.room()
    resident = lijing.register()
    reply = lijing.reserve(lijing.worker, room["id"], tomorrow(12), resident_id=resident["id"])
    assert reply.status_code == 201
    unknown = lijing.reserve(lijing.worker, room["id"], tomorrow(13), resident_id="nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "resident_unknown")


@pytest.mark.parametrize(("start", "hours", "code", "field"), [
    (tomorrow(10, 7), 1, "off_grid", "start"),
    (tomorrow(10), -1, "times_reversed", "end"),
    (tomorrow(10), 13, "too_long", "end"),
    (tomorrow(10, days=-1), 1, "in_the_past", "start"),
    (tomorrow(10, days=200), 1, "too_far_ahead", "start"),
    (tomorrow(21, 30), 1, "room_closed", "start"),
])  # fmt: skip
def test_times_that_cannot_be_are_refused_with_the_field(lijing: Community, start, hours, code, field) -> None:
    reply = lijing.reserve(lijing.resident, lijing.room()["id"], start, hours)
    assert (reply.status_code, reply.json()["code"]) == (422, code)
    assert [e["field"] for e in reply.json()["errors"]] == [field]


def test_lists_are_paged_by_cursor(lijing: Community) -> None:
    rooms = [lijing.room()["id"] for _ in range(3)]
    seen, after = [], ""
    for _ in range(200):
        page = lijing.resident.get(f"/lijing/rooms?limit=2{'&after=' + after if after else ''}")
        seen += [room["id"] for room in page["items"]]
        if not (after := page["next"]):
            break
        assert len(page["items"]) == 2
    assert len(seen) == len(set(seen))
    assert seen[-3:] == rooms
