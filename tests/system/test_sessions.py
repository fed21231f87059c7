"""Places in sessions and the programmes behind them, under many hands at once, faults, and the clock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ops.client import Client
from tests.system.scenes import refused
from tests.system.world import Community, World, at_once, tomorrow


def test_200_takers_of_60_seats_through_two_replicas(world: World, lijing: Community) -> None:
    session = lijing.programme(tomorrow(14), kind="film", capacity=60)["session"]
    with ThreadPoolExecutor(8) as pool:
        people = list(pool.map(lambda _: lijing.register()["id"], range(200)))
    world.settle()
    replicas = [world.replica("bookings", n) for n in range(2)]
    token = lijing.worker.token

    def take(n: int) -> Any:
        return lijing.take(session, people[n], Client(replicas[n % 2], token))

    replies = at_once(200, take)
    assert [r.status_code for r in replies] == [201] * 200, {r.text for r in replies if r.status_code != 201}
    states = [r.json()["state"] for r in replies]
    assert (states.count("taken"), states.count("waiting")) == (60, 140)
    line = lijing.worker.get(lijing.path(f"/sessions/{session}/presence"))["places"]
    assert sorted(p["position"] for p in line if p["state"] == "waiting") == list(range(1, 141))
    assert len({r.json()["id"] for r in replies}) == 200


def test_the_same_key_takes_one_place_and_gets_the_same_reply(lijing: Community) -> None:
    session, person = lijing.programme(tomorrow(14))["session"], lijing.register()["id"]
    replies = at_once(10, lambda n: lijing.take(session, person, key="the-same-key-for-all"))
    assert {r.status_code for r in replies} == {201}
    assert len({r.content for r in replies}) == 1
    refused(lijing.take(session, person), 409, "already_booked")


def test_who_has_priority_waits_before_those_who_came_earlier(lijing: Community) -> None:
    session = lijing.programme(tomorrow(14), capacity=1, priority=["veteran"])["session"]
    first = lijing.take(session, lijing.register()["id"]).json()
    plain = lijing.take(session, lijing.register()["id"]).json()
    veteran = lijing.take(session, lijing.register(groups=["veteran"])["id"]).json()
    assert (plain["position"], veteran["position"]) == (1, 1)
    lijing.worker.post(lijing.path(f"/places/{first['id']}/release"))
    assert lijing.worker.get(lijing.path(f"/places/{veteran['id']}"))["state"] == "offered"
    assert lijing.worker.get(lijing.path(f"/places/{plain['id']}"))["position"] == 1


def test_an_offer_that_nobody_confirms_goes_to_the_next(world: World, lijing: Community) -> None:
    session = lijing.programme(tomorrow(20), capacity=1)["session"]
    places = [lijing.take(session, lijing.register()["id"]).json() for _ in range(3)]
    lijing.worker.post(lijing.path(f"/places/{places[0]['id']}/release"))
    offered = lijing.worker.get(lijing.path(f"/places/{places[1]['id']}"))
    over = datetime.fromisoformat(offered["offered_until"])
    with world.clock_at(over):

        def state(n):
            return lijing.worker.get(lijing.path(f"/places/{places[n]['id']}"))["state"]

        world.until(lambda: state(2) == "offered", what="the next offer")
        assert state(1) == "released"
        refused(lijing.worker.call("POST", lijing.path(f"/places/{places[1]['id']}/confirm")), 409, "not_offered")
        world.settle()
    assert lijing.told(places[2]["resident_id"], "place_offered")
    assert lijing.told(places[1]["resident_id"], "place_released")


def test_a_weekly_limit_holds_and_a_simultaneous_excess_is_given_back_within_5_seconds(world: World, lijing: Community) -> None:
    monday = tomorrow(9)
    monday += timedelta(days=7 - monday.weekday())
    programme = lijing.programme(monday, rule="FREQ=DAILY;COUNT=4", weekly_limit=2, capacity=50)
    sessions, person = [s["id"] for s in programme["sessions"]], lijing.register()["id"]
    replies = at_once(4, lambda n: lijing.take(sessions[n], person))
    started = time.monotonic()

    def held():
        return [b for b in lijing.worker.get(lijing.path(f"/places?resident_id={person}"))["items"] if b["state"] == "taken"]

    world.until(lambda: len(held()) == 2, 5, "two places left")
    assert time.monotonic() - started < 5
    assert all(r.status_code == 201 or r.json()["code"] == "limit_reached" for r in replies)
    world.settle()
    assert len(held()) == 2
    fifth = next(s for s in sessions if s not in [b["session_id"] for b in held()])
    problem = refused(lijing.take(fifth, person), 409, "limit_reached")
    assert problem["limit"] == 2


def test_a_cancelled_session_tells_everybody_and_frees_the_room(world: World, lijing: Community) -> None:
    room = lijing.room()["id"]
    start = tomorrow(10)
    session = lijing.programme(start, room=room, capacity=1)["session"]
    people = [lijing.register()["id"] for _ in range(2)]
    places = [lijing.take(session, person).json() for person in people]
    refused(lijing.reserve(lijing.resident, room, start), 409, "slot_taken")
    lijing.worker.post(lijing.path(f"/sessions/{session}/cancel"), {"reason": "weather"})
    assert lijing.reserve(lijing.resident, room, start).status_code == 201
    refused(lijing.take(session, people[0]), 409, "not_open")
    world.settle()
    assert [lijing.told(person)[0]["template"] for person in people] == ["session_cancelled"] * 2
    assert lijing.worker.get(lijing.path(f"/places/{places[0]['id']}"))["reason"] == "session_cancelled"
    with world.clock_at(start - timedelta(hours=1)):
        world.tick("bookings")
        world.settle()
    assert not lijing.told(people[0], "reminder")


def test_a_moved_session_keeps_its_places_and_moves_its_reminder(world: World, lijing: Community) -> None:
    room, busy = lijing.room()["id"], lijing.room()["id"]
    start = tomorrow(10, days=2)
    session, person = lijing.programme(start, room=room)["session"], lijing.register()["id"]
    place = lijing.take(session, person).json()
    lijing.reserve(lijing.resident, busy, start).raise_for_status()

    def move(**to):
        return lijing.worker.call("POST", lijing.path(f"/sessions/{session}/move"), to)

    assert refused(move(room_id=busy), 409, "slot_taken")["alternatives"]
    later = start + timedelta(days=3)
    moved = move(start=later.isoformat(), end=(later + timedelta(hours=1)).isoformat())
    assert moved.json()["start"] == later.isoformat()
    assert lijing.reserve(lijing.as_("guardian"), room, start).status_code == 201
    assert lijing.worker.get(lijing.path(f"/places/{place['id']}"))["start"] == later.isoformat()
    world.settle()
    assert lijing.told(person, "session_moved")
    with world.clock_at(start - timedelta(hours=23)):
        world.tick("bookings")
        world.settle()
        assert not lijing.told(person, "reminder")
    with world.clock_at(later - timedelta(hours=24)):
        world.until(lambda: len(lijing.told(person, "reminder")) == 1, what="the day before")
    with world.clock_at(later - timedelta(hours=1)):
        world.until(lambda: len(lijing.told(person, "reminder")) == 2, what="the hour before")
        world.settle()
    assert len(lijing.told(person, "reminder")) == 2


def test_reminders_of_a_reservation_stop_with_it(world: World, lijing: Community) -> None:
    room, start, people = lijing.room()["id"], tomorrow(10, days=3), [lijing.register()["id"] for _ in range(2)]
    kept = lijing.reserve(lijing.worker, room, start, resident_id=people[0]).json()
    gone = lijing.reserve(lijing.worker, room, start + timedelta(hours=2), resident_id=people[1]).json()
    lijing.worker.post(lijing.path(f"/reservations/{gone['id']}/cancel"), {})
    assert kept["state"] == "confirmed"
    with world.clock_at(start - timedelta(hours=1)):
        world.until(lambda: lijing.told(people[0], "reminder"), what="the reminder")
    with world.clock_at(start + timedelta(hours=1)):
        world.tick("bookings")
        world.settle()
    assert len(lijing.told(people[0], "reminder")) == 1
    assert not lijing.told(people[1], "reminder")


def test_three_missed_places_suspend_an_adult_never_a_child_and_one_may_be_waived(world: World, lijing: Community) -> None:
    first = tomorrow(9, days=1)
    programme = lijing.programme(first, rule="FREQ=DAILY;COUNT=4")
    sessions = [s["id"] for s in programme["sessions"]]
    adult, child = lijing.register()["id"], lijing.register(birth_date="2017-01-01", groups=["child"])["id"]
    places = [lijing.take(s, adult).json()["id"] for s in sessions[:3]]
    for session in sessions[:3]:
        lijing.take(session, child).raise_for_status()

    def conduct(who):
        return world.mongo["bookings"]["people"].find_one({"_id": who})

    refused(lijing.worker.call("GET", lijing.path(f"/conduct/{child}")), 403, "approval_missing")
    with world.clock_at(first + timedelta(days=2, minutes=16)):
        world.until(lambda: len(conduct(child)["misses"]) == len(conduct(adult)["misses"]) == 3, what="three misses")
        world.settle()
        refused(lijing.take(sessions[3], adult), 409, "suspended")
        assert lijing.take(sessions[3], child).status_code == 201
        assert conduct(child)["suspended_until"] is None
        lijing.worker.post(lijing.path(f"/conduct/{adult}/waive"), {"place_id": places[0]})
        assert lijing.take(sessions[3], adult).status_code == 201
    assert lijing.told(adult, "booking_suspended")
    assert lijing.worker.get(lijing.path(f"/places/{places[0]}"))["state"] == "missed"


def test_a_missed_seat_goes_to_who_waits_at_the_door(world: World, lijing: Community) -> None:
    start = tomorrow(9)
    session = lijing.programme(start, capacity=1)["session"]
    places = [lijing.take(session, lijing.register()["id"]).json()["id"] for _ in range(2)]
    with world.clock_at(start + timedelta(minutes=15)):

        def state(n):
            return lijing.worker.get(lijing.path(f"/places/{places[n]}"))["state"]

        world.until(lambda: state(1) == "taken", what="the seat")
        assert state(0) == "missed"
        assert lijing.worker.post(lijing.path(f"/places/{places[1]}/check-in"), {})["state"] == "present"
        world.settle()


# -- programmes


def _asked(room: str, day: date, **facts: Any) -> dict[str, Any]:
    return {
        "kind": "class",
        "title": "书法",
        "room_id": room,
        "rule": "FREQ=DAILY;COUNT=5",
        "capacity": 10,
        "first": day.isoformat(),
        "begins": "09:00",
        "finishes": "10:00",
    } | facts


def test_a_clash_holds_nothing_unless_the_free_dates_are_asked_for(world: World, lijing: Community) -> None:
    room, first = lijing.room()["id"], tomorrow(9)
    lijing.reserve(lijing.resident, room, first + timedelta(days=1)).raise_for_status()

    def publish(**facts):
        return lijing.worker.call("POST", lijing.path("/programmes"), _asked(room, first.date(), **facts))

    problem = refused(publish(), 409, "clashes")
    assert problem["count"] == 1
    assert problem["clashes"][0]["start"] == (first + timedelta(days=1)).isoformat()
    assert problem["clashes"][0]["alternatives"]
    assert lijing.reserve(lijing.resident, room, first + timedelta(days=2)).status_code == 201
    made = publish(partial=True)
    assert made.status_code == 201
    assert made.json()["clashes"] == [str((first + timedelta(days=n)).date()) for n in (1, 2)]
    assert len(lijing.opened(made.json()["id"])) == 3


def test_what_is_held_for_a_programme_that_dies_before_its_publication_is_released(world: World, lijing: Community) -> None:
    room, first = lijing.room()["id"], tomorrow(9)
    armed = world.arm("programmes.held")
    body = _asked(room, first.date())
    reply = lijing.worker.call("POST", lijing.path("/programmes"), body, key="dies-before-it-is-published")
    world.until(lambda: not armed.exists(), what="the crash")
    held = world.mongo["bookings"]["uses"].count_documents({"room_id": room, "state": "held"})
    assert held == 5
    assert reply.status_code in (502, 503, 201, 409)
    assert lijing.worker.get(lijing.path(f"/sessions?room_id={room}"))["items"] == []
    world.until(lambda: world.metric("bookings", "linli_inbox_taken", 0) < 1, what="the replica again")
    world.until(lambda: world.metric("bookings", "linli_inbox_taken", 1) < 1, what="the replica again")
    count = world.mongo["bookings"]["uses"].count_documents
    with world.clock_at(tomorrow(8)):
        world.until(lambda: count({"room_id": room, "state": "held"}) == 0, what="the release")
        again = lijing.worker.call("POST", lijing.path("/programmes"), body, key="dies-before-it-is-published")
        assert again.status_code == 201, again.text
    assert len(lijing.opened(again.json()["id"])) == 5


def test_a_programme_follows_holidays_working_weekends_and_single_exceptions(world: World, lijing: Community) -> None:
    saturday = next(tomorrow(9, days=n) for n in range(2, 10) if tomorrow(9, days=n).weekday() == 5).date()
    friday, monday = saturday - timedelta(days=1), saturday + timedelta(days=2)
    calendar = {"working": [saturday.isoformat()], "off": [monday.isoformat()]}
    assert lijing.secretary.call("PUT", lijing.path("/calendar"), calendar).status_code == 200
    world.settle()
    asked = _asked(
        lijing.room()["id"],
        friday,
        rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        last=(friday + timedelta(days=7)).isoformat(),
        on_holidays=False,
        make_up=True,
        skip=[(monday + timedelta(days=1)).isoformat()],
        add=[(saturday + timedelta(days=1)).isoformat()],
    )
    made = lijing.worker.post(lijing.path("/programmes"), asked)
    expected = [friday, saturday, saturday + timedelta(days=1), *(monday + timedelta(days=n) for n in (2, 3, 4))]
    found = lijing.opened(made["id"])
    assert [s["start"][:10] for s in found] == [d.isoformat() for d in expected]
    # The calendar changes after the publication: a date is lost and said, another gained; and back again.
    person = lijing.register()["id"]
    lijing.take(next(s["id"] for s in found if s["start"].startswith(str(saturday))), person).raise_for_status()

    def dates():
        return [s["start"][:10] for s in lijing.sessions(made["id"]) if s["state"] == "open"]

    lijing.secretary.call("PUT", lijing.path("/calendar"), {}).raise_for_status()
    other = sorted({*expected, monday} - {saturday})
    world.until(lambda: dates() == [d.isoformat() for d in other], what="the dates of the other calendar")
    world.settle()
    assert lijing.told(person, "session_cancelled")
    lijing.secretary.call("PUT", lijing.path("/calendar"), calendar).raise_for_status()
    world.until(lambda: dates() == [d.isoformat() for d in expected], what="the first dates again")
    lijing.secretary.call("PUT", lijing.path("/calendar"), {}).raise_for_status()


def test_ending_a_programme_cancels_what_lies_ahead_and_tells(world: World, lijing: Community) -> None:
    programme = lijing.programme(tomorrow(9), rule="FREQ=DAILY;COUNT=3")
    person = lijing.register()["id"]
    lijing.take(programme["sessions"][1]["id"], person).raise_for_status()
    assert lijing.worker.post(lijing.path(f"/programmes/{programme['id']}/end"))["state"] == "ended"
    world.until(lambda: {s["state"] for s in lijing.sessions(programme["id"])} == {"cancelled"}, what="cancellation")
    world.settle()
    assert lijing.told(person, "session_cancelled")


def test_new_dates_are_made_as_time_goes_on(world: World, lijing: Community) -> None:
    programme = lijing.programme(tomorrow(9), rule="FREQ=WEEKLY", last=str(tomorrow(9, days=400).date()))

    def count():
        return world.mongo["bookings"]["uses"].count_documents(
            {"programme_id": programme["id"], "state": {"$in": ["open", "over"]}}
        )

    assert count() == 26
    with world.clock_at(tomorrow(12, days=15)):
        world.until(lambda: count() == 28, 60, "two more weeks")
        world.settle()


def test_a_weekly_class_keeps_its_wall_clock_hour_across_a_change_of_time(world: World) -> None:
    berlin = world.open("berlin-mitte", name="Mitte", timezone="Europe/Berlin", district="Mitte", street="Mitte")
    world.settle()
    hours = {day: [["08:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    room = berlin.secretary.post("/berlin-mitte/rooms", {"name": "Saal", "use": "hall", "capacity": 20, "hours": hours})["id"]
    worker, _ = berlin.appoint("worker")
    # Six months reach over the last Sunday of March or of October, whatever today is.
    asked = _asked(room, tomorrow(9).date(), rule="FREQ=WEEKLY;COUNT=26", begins="18:00", finishes="19:30")
    made = worker.post("/berlin-mitte/programmes", asked)

    def listed():
        return worker.get(f"/berlin-mitte/sessions?programme_id={made['id']}&limit=200")["items"]

    found = world.until(lambda: len(listed()) >= 25 and listed(), what="the sessions")
    assert {s["start"][11:19] for s in found} == {"18:00:00"}
    assert {s["start"][19:] for s in found} == {"+01:00", "+02:00"}


# -- bad input


@pytest.mark.parametrize(("facts", "status", "code", "field"), [
    ({"rule": "FREQ=DAILY"}, 422, "rule_endless", "rule"),
    ({"rule": "every day"}, 422, "rule_invalid", "rule"),
    ({"rule": "FREQ=HOURLY;COUNT=3"}, 422, "rule_too_fine", "rule"),
    ({"rule": "FREQ=DAILY;UNTIL=20200101"}, 422, "rule_empty", "rule"),
    ({"finishes": "08:00"}, 422, "times_reversed", "finishes"),
    ({"begins": "09:07"}, 422, "off_grid", "begins"),
    ({"first": "2020-01-01"}, 422, "in_the_past", "first"),
    ({"last": "2020-01-01"}, 422, "term_reversed", "last"),
    ({"capacity": 11}, 422, "capacity_exceeds_room", "capacity"),
    ({"capacity": 10_000}, 422, "input_invalid", "capacity"),
    ({"price": 5}, 422, "input_invalid", "price"),
    ({"room_id": "nowhere"}, 422, "room_unknown", "room_id"),
    ({"kind": "rave"}, 422, "input_invalid", "kind"),
    ({"kind": "meal"}, 422, "room_unwanted", "room_id"),
])  # fmt: skip
def test_a_programme_that_cannot_be_is_refused_with_its_field(
    lijing: Community, facts: dict[str, Any], status: int, code: str, field: str
) -> None:
    asked = _asked(lijing.room()["id"], tomorrow(9).date(), **facts)
    problem = refused(lijing.worker.call("POST", lijing.path("/programmes"), asked), status, code)
    assert field in [e["field"] for e in problem["errors"]]


def test_a_room_for_ten_thousand_cannot_be(lijing: Community) -> None:
    hours = {"mon": [["09:00", "18:00"]]}
    reply = lijing.secretary.call("POST", "/lijing/rooms", {"name": "厅", "use": "hall", "capacity": 10_000, "hours": hours})
    assert [e["field"] for e in refused(reply, 422, "input_invalid")["errors"]] == ["capacity"]


def test_places_that_cannot_be_are_refused(lijing: Community, shengtaiyuan: Community) -> None:
    session = lijing.programme(tomorrow(9))["session"]
    stranger = shengtaiyuan.register()["id"]
    assert [e["field"] for e in refused(lijing.take(session, stranger), 422, "resident_unknown")["errors"]] == ["resident_id"]
    refused(lijing.take(session, stranger, lijing.resident), 403, "not_yours")
    refused(lijing.take("nowhere"), 404, "session_missing")
    refused(shengtaiyuan.take(session), 404, "session_missing")
    assert refused(lijing.take(session), 422, "resident_missing")
    place = lijing.take(session, lijing.register()["id"]).json()["id"]
    refused(lijing.resident.call("POST", lijing.path(f"/places/{place}/release")), 403, "not_yours")
    refused(lijing.resident.call("POST", lijing.path(f"/places/{session}.99/release")), 404, "place_missing")
    refused(lijing.worker.call("POST", lijing.path(f"/places/{place}/check-in"), {}), 409, "not_yet")
    refused(lijing.worker.call("GET", lijing.path("/sessions")), 422, "filter_missing")
