"""Programmes: on which days they meet, what they may need, and what is held for them until they are published."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.bookings.directory import USES
from services.bookings.domain import CANCELLED, OPEN, Person
from services.bookings.lifecycle import Lifecycle
from services.bookings.programmes import domain
from services.bookings.programmes.handlers import PROGRAMMES, Programmes
from services.bookings.rooms.handlers import Reservations
from services.bookings.sessions import domain as sessions
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Invalid
from tests.unit.memory import AT, Memory

TODAY = date(2026, 11, 23)


def programme(**facts: Any) -> domain.Programme:
    asked: dict[str, Any] = {"kind": "class", "title": "书法", "timezone": "Asia/Shanghai", "capacity": 10}
    asked |= {"rule": "FREQ=DAILY;COUNT=5", "first": "2026-11-24", "begins": "09:00", "finishes": "10:00"}
    return domain.Programme(**(asked | facts))


def asked(**facts: Any) -> dict[str, Any]:
    """What a worker sends."""
    return {
        "kind": "class",
        "title": "书法",
        "room_id": "r",
        "rule": "FREQ=DAILY;COUNT=5",
        "first": "2026-11-24",
        "begins": "09:00",
        "finishes": "10:00",
        "capacity": 10,
    } | facts


@pytest.fixture
def memory() -> Memory:
    memory = Memory()
    memory.room("r")
    return memory


def publish(memory: Memory, at: datetime = AT, **facts: Any) -> domain.Programme:
    return Programmes(memory).publish(memory.call(at=at), asked(**facts))  # type: ignore[arg-type]


def held(memory: Memory) -> list[Any]:
    return [use for use in memory.store(USES).all("c", {}) if use.state == "held"]


# -- days


@pytest.mark.parametrize("ending", ["COUNT=10", "UNTIL=20260915", "UNTIL=20260915T235959Z"])
def test_working_weekends_are_made_up_no_longer_than_the_rule_goes(ending: str) -> None:
    rule = f"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;{ending}"
    school = programme(rule=rule, first="2026-09-02", make_up=True)
    # 20 September and 10 October 2026 are working weekends, after the rule's last day.
    found = domain.days(school, Locale(), date(2026, 9, 1), date(2027, 3, 1))
    assert found[-1] == date(2026, 9, 15)
    assert all(day.weekday() < 5 for day in found)
    longer = programme(rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261012", first="2026-09-02", make_up=True)
    found = domain.days(longer, Locale(), date(2026, 9, 1), date(2027, 3, 1))
    assert [day for day in found if day.weekday() > 4] == [date(2026, 9, 20), date(2026, 10, 10)]


def test_a_programme_of_today_whose_hour_is_past_is_refused(memory: Memory) -> None:
    facts = {"first": "2026-11-23", "rule": "FREQ=DAILY;COUNT=1"}
    with pytest.raises(Invalid, match="in_the_past") as refused:
        publish(memory, **facts)
    assert refused.value.errors[0]["field"] == "first"
    assert held(memory) == []
    made = publish(memory, **facts, begins="12:15", finishes="13:00")
    assert [use.day for use in held(memory)] == ["2026-11-23"]
    assert made.state == "published"
    # With a date to come it is made, without today's.
    publish(memory, first="2026-11-23", rule="FREQ=DAILY;COUNT=2")
    assert [use.day for use in held(memory)] == ["2026-11-23", "2026-11-24"]


@pytest.mark.parametrize("day", ["2026-11-23", "2026-12-02"])
def test_a_single_date_outside_the_term_is_refused(day: str) -> None:
    with pytest.raises(Invalid, match="outside_term") as refused:
        domain.check(asked(last="2026-12-01", add=[day]), [], TODAY)
    assert refused.value.errors[0]["field"] == "add"
    domain.check(asked(last="2026-12-01", add=["2026-12-01", "2026-11-24"]), [], TODAY)
    domain.check(asked(add=["2026-12-24"]), [], TODAY)


# -- rooms, people and equipment


def test_nothing_is_published_into_a_room_that_is_not_booked(memory: Memory) -> None:
    memory.room("shut", bookable=False)
    memory.room("ill", use="equipment", capacity=1, bookable=False)
    for facts, field in (({"room_id": "shut"}, "room_id"), ({"resources": ["ill"]}, "resources")):
        with pytest.raises(Invalid, match="room_closed") as refused:
            publish(memory, **facts)
        assert refused.value.errors[0]["field"] == field
    assert held(memory) == []


def test_a_visit_with_a_person_seats_more_than_the_person_and_claims_only_them(memory: Memory) -> None:
    memory.room("nurse", use="equipment", capacity=1)
    made = publish(memory, kind="visit", room_id="", resources=["nurse"], capacity=12)
    assert (made.kind, made.capacity, made.room_id) == ("visit", 12, "")
    assert {claim.split("/")[0] for use in held(memory) for claim in use.claims} == {"nurse"}
    with pytest.raises(Invalid, match="capacity_exceeds_room"):
        publish(memory, capacity=31)


def test_a_visit_without_anything_is_published_and_opened(memory: Memory) -> None:
    desk = Programmes(memory)  # type: ignore[arg-type]
    made = desk.publish(memory.call(), asked(kind="visit", room_id="", rule="FREQ=DAILY;COUNT=2"))
    desk.open_sessions(memory.call(), made.id, made.holds[0])
    found = memory.store(USES).all("c", {"found_by": f"programme:{made.id}"})
    assert [(use.state, use.kind, use.claims) for use in found] == [(OPEN, "visit", [use.id]) for use in found]
    assert len(found) == 2


def test_every_clash_is_said_with_what_is_free_for_all_that_is_needed(memory: Memory) -> None:
    memory.room("teacher", use="equipment", capacity=1)
    memory.room("other")
    first = publish(memory, rule="FREQ=DAILY;COUNT=60")
    # The teacher is somewhere else at ten and at eight.
    for begins, finishes in (("08:00", "09:00"), ("10:00", "11:00")):
        publish(memory, room_id="other", resources=["teacher"], rule="FREQ=DAILY;COUNT=60", begins=begins, finishes=finishes)
    before = len(held(memory))
    with pytest.raises(Conflict, match="clashes") as refused:
        publish(memory, resources=["teacher"], rule="FREQ=DAILY;COUNT=60")
    assert (refused.value.extra["count"], len(refused.value.extra["clashes"]), len(held(memory))) == (60, 60, before)
    for clash in refused.value.extra["clashes"]:
        free = [(choice["room_id"], choice["start"][11:16]) for choice in clash["alternatives"]]
        assert free == [("r", "11:00"), ("r", "12:00"), ("other", "09:00")]
    assert first.state == "published"


def test_what_is_taken_is_read_once_a_room_for_all_clashes(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(memory, rule="FREQ=DAILY;COUNT=40")
    store, reads = memory.store(USES), []
    query = store.backend.query
    monkeypatch.setattr(store.backend, "query", lambda *args: reads.append(args) or query(*args))
    spans = [(use.start, use.end) for use in held(memory)]
    reads.clear()
    found = Reservations(memory).choices(memory.call(), [memory.room("r2")], spans)  # type: ignore[arg-type]
    assert len(found) == 40
    # One read a room, each by a single tag: no index serves several and a time at once.
    assert [args[0]["found_by"] for args in reads] == ["room:r2", "room:r"]


# -- held for a minute


@pytest.mark.parametrize(("seconds", "state"), [(59, "held"), (61, "released")])
def test_what_is_held_and_not_published_goes_after_a_minute(memory: Memory, seconds: int, state: str) -> None:
    made = programme(room_id="r", id="p", community="c")
    use = domain.session(made, "u", date(2026, 11, 24), "hold", AT)
    memory.keep(USES, use)
    Lifecycle(memory).pass_time(memory.call(at=AT + timedelta(seconds=seconds)))  # type: ignore[arg-type]
    left = memory.use("u")
    assert (left.state, left.claims == ["u"]) == (state, state == "released")


def test_what_is_held_and_published_is_opened_after_a_minute_at_the_latest(memory: Memory) -> None:
    made = publish(memory)
    Lifecycle(memory).pass_time(memory.call(at=AT + timedelta(seconds=61)))  # type: ignore[arg-type]
    assert {use.state for use in memory.store(USES).all("c", {"found_by": f"programme:{made.id}"})} == {OPEN}


def test_ending_a_programme_cancels_the_dates_behind_one_with_children_in_it(memory: Memory) -> None:
    desk = Programmes(memory)  # type: ignore[arg-type]
    made = desk.publish(memory.call(), asked(kind="after_school", rule="FREQ=DAILY;COUNT=3"))
    desk.open_sessions(memory.call(), made.id, made.holds[0])
    first, *later = memory.store(USES).all("c", {"found_by": f"programme:{made.id}"})
    memory.store(USES).change(memory.call(), first.id, sessions.take, Person(id="kid"), ["mum"], "", AT)
    early = first.start - timedelta(minutes=30)
    memory.store(USES).change(memory.call(), first.id, sessions.check_in, 1, "worker", early)
    desk.end(memory.call(at=early), made.id)
    desk.close_sessions(memory.call(at=early), made.id)
    assert memory.use(first.id).state == OPEN
    assert [memory.use(use.id).state for use in later] == [CANCELLED] * 2
    assert memory.store(PROGRAMMES).find("c", made.id).state == "ended"
