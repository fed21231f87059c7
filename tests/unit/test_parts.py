"""Decisions of the parts of bookings, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.bookings import directory
from services.bookings.care.domain import level
from services.bookings.centre import domain as centre
from services.bookings.children.domain import adults_needed
from services.bookings.domain import OPEN, Person, Use
from services.bookings.duty import domain as duty
from services.bookings.programmes import domain as programmes
from services.bookings.sessions import domain
from services.bookings.sessions.rules import attendance, reschedule, timers
from shared.events.bookings import AppointmentsUncovered, PlacesMissed, PlaceWaitlisted, ReminderDue
from shared.events.locale import Locale
from shared.rules.errors import Conflict
from shared.runtime import directory as shared_known

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
START = AT + timedelta(days=2)


def session(capacity: int = 2, **facts: Any) -> Use:
    asked: dict[str, Any] = {"kind": "activity", "state": OPEN, "room_id": "r", "room_name": "厅", "timezone": "Asia/Shanghai"}
    asked |= {"start": START, "end": START + timedelta(hours=1), "capacity": capacity, "seats": capacity}
    return Use(id="s", community="c", **(asked | facts))


def taken(use: Use, *people: str, at: datetime = AT) -> Use:
    for name in people:
        use, _ = domain.take(use, Person(id=name), [name], "", at)
    return use


@pytest.mark.parametrize(("children", "adults"), [(0, 2), (1, 2), (40, 2), (41, 3), (60, 3), (61, 4)])
def test_adults_by_children(children: int, adults: int) -> None:
    assert adults_needed(children) == adults


@pytest.mark.parametrize(
    ("score", "name"), [(100, "able"), (90, "able"), (89, "mild"), (65, "moderate"), (45, "severe"), (0, "total")]
)
def test_levels_of_ability(score: int, name: str) -> None:
    assert level(score) == name


def test_an_unlinked_guardian_stays_so_whatever_order_the_news_comes_in() -> None:
    earlier, later = AT, AT + timedelta(seconds=5)
    child, _ = directory._link(Person(id="c"), "guardians", "dad", False, later)
    child, _ = directory._link(child, "guardians", "dad", True, earlier)
    assert child.guardians == []
    old = shared_known._set(Person(id="p", groups=["veteran"], heard={"groups": later}), earlier, {"groups": []})[0]
    assert old.groups == ["veteran"]


def test_a_release_that_is_heard_before_its_taking_holds_nothing() -> None:
    week, place = "2026-W48", {"place": "s.1", "programme": "p", "at": START}
    person, _ = directory._unhold(Person(id="p"), week, ["s.1"])
    person, _ = directory._hold(person, week, place, AT)
    assert directory.held(person, START, "p") == 0
    moved, _ = directory._hold(Person(id="p"), week, place, AT)
    moved, _ = directory._rehold(moved, ["s.1"], (START + timedelta(days=7), "p"))
    assert directory.held(moved, START, "p") == 0
    assert directory.held(moved, START + timedelta(days=7), "p") == 1


def test_a_class_that_keeps_off_holidays_does_not_meet_on_a_holiday_weekend() -> None:
    facts: dict[str, Any] = {"kind": "class", "title": "x", "timezone": "Asia/Shanghai", "capacity": 9}
    asked = programmes.Programme(
        **facts,
        rule="FREQ=WEEKLY;BYDAY=SA",
        first="2026-09-19",
        last="2026-10-17",
        begins="09:00",
        finishes="10:00",
        on_holidays=False,
    )
    found = programmes.days(asked, Locale(), date(2026, 9, 1), date(2026, 12, 31))
    assert found == [date(2026, 9, 19), date(2026, 10, 10), date(2026, 10, 17)]
    school = asked.but(rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", make_up=True, first="2026-10-01", last="2026-10-12")
    found = programmes.days(school, Locale(), date(2026, 9, 1), date(2026, 12, 31))
    assert found == [date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10), date(2026, 10, 12)]


def test_who_gives_back_a_seat_after_the_start_has_missed_it_and_a_late_promotion_is_no_miss() -> None:
    use = taken(session(1), "a", "b")
    use, events = domain.give_back(use, 1, "by_resident", START + timedelta(minutes=10))
    assert isinstance(events[0], PlacesMissed)
    assert events[0].people == ["a"]
    after, events = timers.pass_time(use.but(due=START), START + timedelta(minutes=16))
    assert [p["state"] for p in after.places] == ["missed", "taken"]
    assert not [e for e in events if isinstance(e, PlacesMissed)]


def test_a_reminder_goes_out_once_whatever_comes_between() -> None:
    use = taken(session(), "a")
    day_before = START - timedelta(hours=24)
    use, events = timers.pass_time(use, day_before)
    assert [e.hours for e in events if isinstance(e, ReminderDue)] == [24]
    # A command that was stamped a moment before the reminder, and decided after it.
    use, _ = domain.take(use, Person(id="b"), ["b"], "", day_before - timedelta(milliseconds=5))
    again, events = timers.pass_time(use.but(due=day_before), day_before + timedelta(seconds=2))
    assert not [e for e in events if isinstance(e, ReminderDue)]
    assert again.due == START - timedelta(hours=1)


def test_nobody_takes_and_gives_back_for_ever() -> None:
    use = session()
    for n in range(domain.TAKINGS_A_PERSON):
        use = taken(use, "a")
        use, _ = domain.give_back(use, n + 1, "by_resident", AT)
    with pytest.raises(Conflict, match="too_often"):
        taken(use, "a")


def test_who_loses_a_seat_to_a_smaller_room_is_told_of_their_place_in_line() -> None:
    use = taken(session(2), "a", "b")
    moved, events = reschedule.move(use, START, use.end, "small", "小", 1, AT)
    assert [(e.person_id, e.position) for e in events if isinstance(e, PlaceWaitlisted)] == [("b", 1)]
    back, _ = reschedule.move(moved, START, use.end, "r", "厅", 2, AT)
    assert [p["state"] for p in back.places] == ["taken", "offered"]


def test_a_class_with_children_in_it_cannot_be_cancelled() -> None:
    use = taken(session(kind="after_school"), "kid")
    use, _ = domain.check_in(use, 1, "worker", START)
    with pytest.raises(Conflict, match="children_present"):
        domain.cancel(use, "weather", START)
    left, _ = domain.leave(use, "kid", START)
    assert domain.cancel(left, "weather", START)[0].state == "cancelled"


def test_an_appointment_made_where_nobody_is_on_duty_any_more_is_said_although_its_slot_was_known_to_be() -> None:
    slot = duty.slot("c", "c", "Asia/Shanghai", START, 2, False)
    slot, events = duty.uncover(slot, False, AT)
    assert not events
    slot = taken(slot, "a")
    slot, events = duty.uncover(slot, False, AT, True)
    assert isinstance(events[0], AppointmentsUncovered)
    assert duty.uncover(slot, True, AT)[0].uncovered is False


def test_misses_suspend_and_waiving_ends_it() -> None:
    person, limits = Person(id="p"), attendance.Limits()
    for n in range(3):
        person, events = attendance.miss(person, f"s{n}", AT + timedelta(days=n), limits, AT + timedelta(days=n))
    assert person.suspended_until == AT + timedelta(days=16)
    assert len(events) == 1
    assert attendance.waive(person, "s1", limits, AT + timedelta(days=3))[0].suspended_until is None
    spread = Person(id="q")
    for n in range(3):
        spread, events = attendance.miss(spread, f"s{n}", AT + timedelta(days=20 * n), limits, AT + timedelta(days=20 * n))
    assert spread.suspended_until is None


def test_the_service_share_is_judged_unrounded() -> None:
    def of(service: float, office: float) -> bool:
        areas = [{"square_metres": m, "use": use} for m, use in ((service, "service"), (office, "office"))]
        return centre.is_low(centre.Centre(areas=areas))

    assert not of(800, 24)
    assert of(799, 25)
    assert not of(97, 3)
