"""Working days, legal days, recurrence: the facts of 2026, and a year that nobody knows yet."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.rules.calendar import (
    Due,
    at_clock,
    days_after,
    ends,
    last_occurrence,
    occurrences,
    rolled,
    working_day_before,
    working_days_after,
    works_on,
)
from shared.rules.errors import Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")


def _days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def test_the_days_off_and_the_working_weekends_of_2026() -> None:
    spans = [
        ((1, 1), (1, 3)),
        ((2, 15), (2, 23)),
        ((4, 4), (4, 6)),
        ((5, 1), (5, 5)),
        ((6, 19), (6, 21)),
        ((9, 25), (9, 27)),
        ((10, 1), (10, 7)),
    ]
    off = set().union(*(_days(date(2026, *a), date(2026, *b)) for a, b in spans))
    working = {date(2026, *d) for d in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))}
    for day in _days(date(2026, 1, 1), date(2026, 12, 31)):
        expected = day in working or (day.weekday() < 5 and day not in off)
        assert works_on(day) is expected, day


@pytest.mark.parametrize(("start", "count", "due", "provisional"), [
    (date(2026, 2, 12), 5, date(2026, 2, 26), False), (date(2026, 1, 29), 30, date(2026, 3, 18), False),
    (date(2026, 1, 29), 45, date(2026, 4, 9), False), (date(2026, 11, 20), 30, date(2027, 1, 4), True),
])  # fmt: skip
def test_working_days(start: date, count: int, due: date, provisional: bool) -> None:
    assert working_days_after(start, count) == Due(due, provisional)


def test_calendar_days_and_rolling() -> None:
    assert days_after(date(2026, 1, 29), 15).day == date(2026, 2, 13)
    assert days_after(date(2026, 2, 2), 60).day == date(2026, 4, 3)
    assert days_after(date(2026, 2, 2), 90).day == date(2026, 5, 3)
    assert rolled(days_after(date(2026, 9, 1), 30)) == Due(date(2026, 10, 8))
    assert working_day_before(date(2026, 5, 3)) == date(2026, 4, 30)


def test_a_community_overrides_a_day_and_then_it_is_certain() -> None:
    assert works_on(date(2027, 2, 8))
    assert not works_on(date(2027, 2, 8), {"2027-02-08": False})
    assert not works_on(date(2027, 10, 1))
    assert working_days_after(date(2027, 2, 5), 1, {f"2027-02-{n:02d}": n != 8 for n in range(5, 12)}) == Due(date(2027, 2, 6))


def test_a_rule_gives_days() -> None:
    found = occurrences("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", date(2026, 11, 23), "16:30", SHANGHAI, date(2027, 5, 1))
    assert found == [date(2026, 11, 23), date(2026, 11, 25), date(2026, 11, 30)]
    until = occurrences("FREQ=DAILY;UNTIL=20261125T083000Z", date(2026, 11, 23), "16:30", SHANGHAI, date(2027, 5, 1))
    assert until == [date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)]
    assert ends("FREQ=DAILY;COUNT=3")
    assert not ends("FREQ=DAILY;BYDAY=MO")


@pytest.mark.parametrize("rule", ["FREQ=DAILY;UNTIL=20261125", "RRULE:FREQ=DAILY;until=20261125;INTERVAL=1"])
@pytest.mark.parametrize("clock", ["00:00", "16:30", "23:45"])
def test_a_rule_until_a_date_includes_that_day_whatever_the_hour(rule: str, clock: str) -> None:
    found = occurrences(rule, date(2026, 11, 23), clock, SHANGHAI, date(2027, 5, 1))
    assert found == [date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)]


@pytest.mark.timeout(5)
@pytest.mark.parametrize(("rule", "last"), [
    ("FREQ=DAILY;COUNT=3", date(2026, 11, 25)), ("FREQ=WEEKLY;UNTIL=20261208", date(2026, 12, 7)),
    ("FREQ=DAILY;UNTIL=20200101", date(2026, 11, 22)), ("FREQ=DAILY", None), ("FREQ=DAILY;UNTIL=99991231", None),
    ("FREQ=YEARLY;INTERVAL=200;COUNT=2", None),
])  # fmt: skip
def test_the_last_day_of_a_rule_unless_it_goes_on(rule: str, last: date | None) -> None:
    assert last_occurrence(rule, date(2026, 11, 23), "16:30", SHANGHAI, date(2027, 5, 1)) == last


@pytest.mark.parametrize(("rule", "code"), [
    ("nonsense", "rule_invalid"), ("FREQ=SOMETIMES", "rule_invalid"), ("FREQ=HOURLY;COUNT=2", "rule_too_fine"),
    ("FREQ=DAILY;BYHOUR=3,4;COUNT=2", "rule_too_fine"), ("FREQ=DAILY;COUNT=x", "rule_invalid"),
    ("FREQ=DAILY\nEXDATE:20261123", "rule_invalid"),
])  # fmt: skip
def test_a_rule_that_cannot_be(rule: str, code: str) -> None:
    with pytest.raises(Invalid, match=code):
        occurrences(rule, date(2026, 11, 23), "16:30", SHANGHAI, date(2027, 5, 1))


@pytest.mark.timeout(5)
@pytest.mark.parametrize("rule", [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "FREQ=DAILY;INTERVAL=0;UNTIL=20270101", "FREQ=WEEKLY;INTERVAL=0;COUNT=2000000000",
    "FREQ=DAILY;INTERVAL=-1;COUNT=3", "FREQ=DAILY;COUNT=-1", "FREQ=DAILY;INTERVAL=7;BYDAY=MO", "FREQ=DAILY;COUNT=5000",
    "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1;BYSETPOS=4", "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=4", "FREQ=YEARLY;BYWEEKNO=54",
])  # fmt: skip
def test_a_rule_that_falls_on_no_day_is_refused_at_once(rule: str) -> None:
    with pytest.raises(Invalid, match=r"rule_unsupported|rule_invalid"):
        occurrences(rule, date(2026, 11, 23), "16:30", SHANGHAI, date(2027, 5, 1))


def test_the_wall_clock_holds_across_a_change_of_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert at_clock(date(2026, 10, 24), "18:00", berlin).hour == 16
    assert at_clock(date(2026, 10, 31), "18:00", berlin).hour == 17
    assert at_clock(date(2026, 10, 31), "24:00", SHANGHAI).isoformat() == "2026-10-31T16:00:00+00:00"
