"""Sessions where many people, late moves and children make it hard."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from services.bookings.directory import PEOPLE, USES
from services.bookings.sessions import domain
from services.bookings.sessions.handlers import Sessions
from services.bookings.sessions.rules import reschedule, timers
from shared.events.bookings import (
    ChildNotCollected,
    PlaceOffered,
    PlaceReleased,
    PlaceTaken,
    PlaceWaitlisted,
    ReminderDue,
    SessionCancelled,
    SessionMoved,
    SessionOver,
)
from shared.rules.errors import Invalid
from tests.unit.memory import AT, START, Memory, session, taken

CAP = 200  # events that the outbox of one record holds


def passed(use: Any, at: Any) -> tuple[Any, list[Any]]:
    """All that time does by then, pass by pass; no pass says more than can be saved."""
    everything: list[Any] = []
    for _ in range(1000):
        if use.due is None or use.due > at:
            return use, everything
        use, events = timers.pass_time(use, at)
        assert len(events) <= CAP
        everything += events
    raise AssertionError("time does not pass")


def of(events: list[Any], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# -- moving


def test_an_offer_in_a_session_moved_to_within_the_hour_is_taken_at_once() -> None:
    use = taken(session(capacity=1), "a", "b")
    use, _ = domain.give_back(use, 1, "by_resident", AT)
    soon = AT + timedelta(minutes=45)
    moved, events = reschedule.move(use, soon, soon + timedelta(hours=1), "r", "厅", 1, AT)
    assert (domain.place_of(moved, 2)["state"], domain.place_of(moved, 2)["late"]) == ("taken", True)
    assert [(e.person_id, e.how) for e in of(events, PlaceTaken)] == [("b", "promoted")]
    assert moved.due is not None
    assert moved.due > AT


def test_an_offer_that_had_lapsed_before_the_move_is_still_turned_by_time() -> None:
    use = taken(session(capacity=1), "a", "b", "c")
    use, _ = domain.give_back(use, 1, "by_resident", AT)
    late = AT + timedelta(hours=3)
    moved, events = reschedule.move(use, late + timedelta(minutes=45), late + timedelta(hours=2), "r", "厅", 1, late)
    assert not of(events, PlaceTaken)
    moved, events = passed(moved, late)
    assert [p["state"] for p in moved.places] == ["released", "released", "taken"]
    assert [e.reason for e in of(events, PlaceReleased)] == ["offer_lapsed"]


@pytest.mark.parametrize("capacity", [10, 499])
def test_a_session_of_500_can_be_moved_to_a_smaller_room_and_everybody_hears(capacity: int) -> None:
    use = taken(session(capacity=500), *(f"p{n}" for n in range(500)))
    moved, events = reschedule.move(use, START, use.end, "small", "小", capacity, AT)
    assert len(events) <= CAP
    assert len(of(events, SessionMoved)[0].tell) == 500
    moved, more = passed(moved, AT)
    told = of(events + more, PlaceWaitlisted)
    assert sorted(e.position for e in told) == list(range(1, 500 - capacity + 1))
    assert {e.person_id for e in told} == {f"p{n}" for n in range(capacity, 500)}
    assert not any("owed" in p for p in moved.places)


def test_a_session_of_500_can_be_cancelled_by_one_event() -> None:
    use = taken(session(capacity=300), *(f"p{n}" for n in range(500)))
    cancelled, events = domain.cancel(use, "weather", AT)
    assert len(of(events, SessionCancelled)[0].tell) == 500
    assert len(events) == 1
    assert {p["state"] for p in cancelled.places} == {"released"}


# -- many at once


def test_250_freed_seats_are_offered_in_passes_in_order() -> None:
    use = taken(session(capacity=250), *(f"p{n}" for n in range(250)))
    use = taken(use, *(f"q{n}" for n in range(250)))
    moved, events = reschedule.move(use.but(seats=500), START, use.end, "big", "大", 500, AT)
    assert len(events) <= CAP
    assert moved.due == AT
    moved, more = passed(moved, AT)
    assert [e.person_id for e in of(events + more, PlaceOffered)] == [f"q{n}" for n in range(250)]
    assert moved.due == AT + domain.OFFER_LIVES
    moved, lapsed = passed(moved, AT + domain.OFFER_LIVES)
    assert len(of(lapsed, PlaceReleased)) == 250
    assert domain.seated(moved) == 250


def test_250_missed_seats_go_to_those_at_the_door_in_passes() -> None:
    use = taken(session(capacity=250), *(f"p{n}" for n in range(250)))
    use = taken(use, *(f"q{n}" for n in range(250)))
    at = START + domain.SEAT_KEPT_FOR
    use, events = passed(use.but(reminded=[24, 1], due=at), at)
    assert [e.person_id for e in of(events, PlaceTaken)] == [f"q{n}" for n in range(250)]
    assert [p["state"] for p in use.places] == ["missed"] * 250 + ["taken"] * 250


def test_250_children_whom_nobody_collected_are_called_out_in_passes() -> None:
    use = taken(session(capacity=250, kind="after_school"), *(f"p{n}" for n in range(250)))
    use = use.but(places=[p | {"state": domain.PRESENT} for p in use.places], due=START)
    use, events = passed(use, use.end + timedelta(minutes=31))
    assert [(e.stage, e.child_id) for e in of(events, ChildNotCollected)] == [
        (stage, f"p{n}") for stage in ("guardian", "duty_lead") for n in range(250)
    ]
    assert use.state == "open"


# -- children


def test_ending_a_programme_leaves_the_class_that_has_children_in_it_and_cancels_the_next() -> None:
    use = taken(session(kind="after_school"), "kid")
    here, _ = domain.check_in(use, 1, "worker", START - timedelta(minutes=30))
    at = START - timedelta(minutes=20)
    assert domain.close(here, "programme_ended", at) == (here, [])
    assert domain.close(use, "programme_ended", at)[0].state == "cancelled"


def test_an_erased_child_does_not_stand_in_the_way_of_the_end() -> None:
    use, _ = domain.check_in(taken(session(kind="after_school"), "kid"), 1, "worker", START)
    late = use.end + timedelta(minutes=45)
    use, _ = passed(use, late)
    assert (use.state, use.due) == ("open", None)
    use, _ = domain.forget(use, "kid", late)
    use, events = passed(use, late)
    assert use.state == "over"
    assert of(events, SessionOver)[0].attended == []


# -- what is nobody's business


def test_no_event_of_a_hidden_session_says_its_title_or_its_room() -> None:
    use = taken(session(kind="parlour", title="书记接待日", capacity=3), "a", "b")
    events = timers.pass_time(use, START - timedelta(hours=24))[1]
    events += reschedule.move(use, START + timedelta(days=1), use.end + timedelta(days=1), "r2", "书记办公室", 1, AT)[1]
    events += domain.cancel(use, "weather", AT)[1]
    events += timers.pass_time(use.but(due=START), START + domain.SEAT_KEPT_FOR)[1]
    events += timers.pass_time(use.but(due=use.end), use.end)[1]
    events += domain.give_back(use, 1, "by_resident", AT)[1]
    kinds = {type(event).__name__ for event in events}
    assert {"ReminderDue", "SessionMoved", "SessionCancelled", "PlacesMissed", "PlaceReleased", "SessionOver"} <= kinds
    for event in events:
        assert (getattr(event, "title", ""), getattr(event, "room_name", ""), getattr(event, "room_id", "")) == ("", "", ""), (
            event
        )
    plain = timers.pass_time(taken(session(title="书法"), "a"), START - timedelta(hours=24))[1]
    assert [(e.title, e.room_name) for e in of(plain, ReminderDue)] == [("书法", "厅")]


# -- the desk


def limited(memory: Memory, *names: str) -> list[Any]:
    """Sessions of one programme, two a week at the most, each taken by "a"; what was said of the takings, in order."""
    uses = [session(name, kind="class", programme_id="p", weekly_limit=2) for name in names]
    memory.keep(USES, *(taken(use, "a") for use in uses))
    return [domain.place_taken(use, domain.of_person(use, "a"), "booked", AT) for use in map(memory.use, names)]


def states(memory: Memory, *names: str) -> list[str]:
    return [memory.use(name).places[-1]["state"] for name in names]


def test_only_the_place_in_excess_is_given_back_however_often_its_news_comes() -> None:
    memory = Memory()
    desk, first = Sessions(memory), limited(memory, "x", "y", "z")  # type: ignore[arg-type]
    memory.people("a")
    for event in first[:2]:
        desk.hold(memory.call(), event)
    # The third is known, and its excess not yet given back, when the first one's news comes again.
    desk.directory.hold(memory.call(), first[2], memory.use("z"))
    desk.hold(memory.call(), first[0])
    assert states(memory, "x", "y", "z") == ["taken"] * 3
    for _ in range(2):
        desk.hold(memory.call(), first[2])
    assert states(memory, "x", "y", "z") == ["taken", "taken", "released"]


def test_late_news_of_an_excess_does_not_take_the_place_that_came_after_it() -> None:
    memory = Memory()
    desk, events = Sessions(memory), limited(memory, "x", "y", "z")  # type: ignore[arg-type]
    memory.people("a")
    for event in events:
        desk.hold(memory.call(), event)
    (gone,) = memory.events(USES, "place_released")
    assert gone["subject"] == "z"
    call = memory.call()
    memory.store(USES).change(call, "x", domain.give_back, 1, "by_resident", AT)
    memory.store(PEOPLE).change(call, "a", lambda person: (person.but(weeks={}), []))
    again = memory.store(USES).change(call, "z", domain.take, memory.store(PEOPLE).find("c", "a"), ["a"], "", AT)
    assert again.places[-1]["state"] == "taken"
    for event in (events[0], events[1], events[2]):
        desk.hold(call, event)
    assert states(memory, "z") == ["taken"]


def test_a_code_is_good_at_its_door_in_its_community_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    desk = Sessions(memory)  # type: ignore[arg-type]
    memory.people("a")
    memory.keep(USES, taken(session("s"), "a"), taken(session("other"), "a"))
    shown = desk.code(memory.call(), "s")["code"]

    def by(code):
        return memory.call("a", "resident", at=START, code=code)

    for wrong, place in ((shown, "other.1"), (shown + "A", "s.1"), ("nonsense", "s.1")):
        with pytest.raises(Invalid, match="code_invalid"):
            desk.check_in(by(wrong), place)
    elsewhere = {"aud": "check-in", "community": "d", "session": "s", "exp": 9_999_999_999}
    with pytest.raises(Invalid, match="code_invalid"):
        desk.check_in(by(memory.signer.sign(elsewhere)), "s.1")
    with pytest.raises(Invalid, match="code_missing"):
        desk.check_in(memory.call("a", "resident", at=START), "s.1")
    now = time.time()
    monkeypatch.setattr("services.bookings.sessions.handlers.time.time", lambda: now + 61)
    with pytest.raises(Invalid, match="code_invalid"):
        desk.check_in(by(shown), "s.1")
    monkeypatch.setattr("services.bookings.sessions.handlers.time.time", lambda: now + 58)
    assert desk.check_in(by(shown), "s.1")["state"] == "present"
