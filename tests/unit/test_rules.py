"""Decisions, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ops.demo import ROOMS
from services.bookings.rooms import domain as bookings
from services.bookings.rooms.domain import CONFIDENTIAL
from services.residents.people import domain as residents
from shared.rules.errors import Conflict, Invalid
from shared.security.privacy import name_forms, normalise

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # noon in Shanghai, a Sunday


@pytest.mark.parametrize(("number", "born"), [
    ("999999194803090019", date(1948, 3, 9)), ("999999201605120021", date(2016, 5, 12)),
    ("99999920150601002X", date(2015, 6, 1)), ("99999920150601002x", date(2015, 6, 1)),
    ("999999201909150035", date(2019, 9, 15)),
])  # fmt: skip
def test_an_id_number_tells_the_birth_date(number: str, born: date) -> None:
    assert residents.id_number_birth(number, date(2026, 11, 22)) == born


@pytest.mark.parametrize("number", ["999999201605120020", "99999920160512002", "９99999201605120021", "999999202701010010", ""])
def test_an_id_number_that_cannot_be(number: str) -> None:
    with pytest.raises(Invalid, match="id_number_invalid"):
        residents.id_number_birth(number, date(2026, 11, 22))


@pytest.mark.parametrize(("born", "today", "years"), [
    (date(2012, 11, 22), date(2026, 11, 22), 14), (date(2012, 11, 23), date(2026, 11, 22), 13),
    (date(2020, 2, 29), date(2028, 2, 28), 7),
])  # fmt: skip
def test_age_is_in_full_years(born: date, today: date, years: int) -> None:
    assert residents.age(born, today) == years


def test_forms_of_a_name() -> None:
    assert {"欧阳清澈", "欧阳", "清澈", "ouyangqingche", "oyqc"} <= name_forms("欧阳清澈")
    assert {"shanyutong", "danyutong", "syt", "dyt"} <= name_forms("单 雨桐")
    assert {"marysmith", "mary", "smith"} <= name_forms("Mary Smith")
    assert all(len(form) >= 2 for form in name_forms("李 A"))
    assert normalise("ＡＢ·c-d") == "abcd"


HOURS = {"mon": [["08:30", "12:00"], ["14:30", "24:00"]]}
ROOM = bookings.Room(id="r", name="厅", use="hall", capacity=10, timezone="Asia/Shanghai", hours=HOURS)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def _at(hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(hours=hour - 8, minutes=minute)


@pytest.mark.parametrize(("start", "end", "code"), [
    (_at(8, 30), _at(12), None), (_at(12), _at(13), "room_closed"), (_at(11, 30), _at(14, 45), "room_closed"),
    (_at(22), _at(24), None), (_at(23), _at(24, 15), "room_closed"), (_at(9), _at(9), "times_reversed"),
    (_at(9, 5), _at(10), "off_grid"), (_at(9) - timedelta(days=7), _at(10), "too_long"),
])  # fmt: skip
def test_when_a_room_can_be_had(start: datetime, end: datetime, code: str | None) -> None:
    if code is None:
        bookings.check_times(ROOM, start, end, AT)
    else:
        with pytest.raises(Invalid, match=code):
            bookings.check_times(ROOM, start, end, AT)


@pytest.mark.parametrize(("hours", "good"), [
    ([["00:00", "24:00"]], True), ([["08:30", "12:00"], ["12:00", "14:30"]], True), ([], True),
    ([["12:00", "08:30"]], False), ([["08:30", "12:00"], ["11:00", "14:30"]], False), ([["08:20", "12:00"]], False),
    ([["08:30", "08:30"]], False), ([["24:00", "24:00"]], False),
])  # fmt: skip
def test_hours_that_can_be(hours: list[list[str]], good: bool) -> None:
    facts = {"name": "厅", "use": "hall", "capacity": 1, "hours": {"mon": hours}}
    if good:
        assert bookings.open_room("r", facts, "Asia/Shanghai", AT)[0].hours == {"mon": hours}
    else:
        with pytest.raises(Invalid, match="hours_invalid"):
            bookings.open_room("r", facts, "Asia/Shanghai", AT)


def test_claims_are_the_quarter_hours() -> None:
    assert bookings.claims("r", _at(9), _at(9, 30)) == ["r/2026-11-23T01:00", "r/2026-11-23T01:15"]


def test_alternatives_are_near_free_and_apart() -> None:
    busy = set(bookings.claims("r", _at(9), _at(11)))
    found = bookings.alternatives(ROOM, [], _at(9, 30), _at(10, 30), busy, AT)
    assert [choice["start"][11:16] for choice in found] == ["11:00", "14:30", "15:30"]


def test_slots_that_are_past_or_taken_say_so() -> None:
    slots = bookings.availability(ROOM, MONDAY.date(), set(bookings.claims("r", _at(9), _at(10))), _at(8, 45))
    assert [(s["start"].hour + 8, s["start"].minute, s.get("reason", "")) for s in slots[:4]] == [
        (8, 30, "past"),
        (9, 0, "taken"),
        (9, 30, "taken"),
        (10, 0, ""),
    ]


def test_a_held_record_is_restricted_and_goes_when_the_hold_ends() -> None:
    person = residents.Resident(id="p", name="限", holds=[{"basis": "law", "until": AT + timedelta(days=1)}])
    kept, events = residents.erase(person, AT)
    assert (kept.state, kept.name, [type(e).__name__ for e in events]) == ("restricted", "限", ["ResidentErased"])
    assert residents.erase(kept, AT) == (kept, [])
    gone, events = residents.erase(kept, AT + timedelta(days=2))
    assert (gone.state, gone.tombstone, gone.name, events) == ("erased", True, "", [])


def test_a_cancelled_reservation_claims_nothing_but_itself() -> None:
    use, _ = bookings.reserve("u", ROOM, "p", _at(9), _at(10), "练", "p", AT)
    use = use.but(id="u")
    cancelled, events = bookings.cancel(use, "p", False, AT)
    assert (cancelled.claims, events[0].reason, events[0].start.isoformat()) == (
        ["u"],
        "by_resident",
        "2026-11-23T09:00:00+08:00",
    )
    with pytest.raises(Conflict, match="already_over"):
        bookings.cancel(use, "p", False, _at(9))


def test_rooms_whose_name_alone_says_why_somebody_comes_are_confidential() -> None:
    uses = {name: use for rooms in ROOMS.values() for name, use, _ in rooms}
    assert {uses[name] for name in ("妇女之家", "信访工作站", "民警之家", "微法庭", "心理咨询室")} <= CONFIDENTIAL
