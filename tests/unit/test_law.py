"""Deadlines: the examples, 200 cases against a counter that knows nothing of ours, and what a date says of itself."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.events.locale import Locale
from shared.rules.errors import Invalid
from shared.rules.law import CALENDAR, RULES, WORKING, Rule, deadline, overdue_from, rule_at, warns_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFF = [((1, 1), (1, 3)), ((2, 15), (2, 23)), ((4, 4), (4, 6)), ((5, 1), (5, 5)), ((6, 19), (6, 21)), ((9, 25), (9, 27)),
       ((10, 1), (10, 7))]  # fmt: skip
WORKING_WEEKENDS = [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]


def _rule(name: str) -> Rule:
    return rule_at(name, date(2026, 1, 1))


@pytest.mark.parametrize(("name", "start", "extended", "due", "provisional"), [
    ("petition.object", "2026-02-12", False, "2026-02-26", False),
    ("dibao.decide", "2026-01-29", False, "2026-03-18", False),
    ("dibao.decide_special", "2026-01-29", False, "2026-04-09", False),
    ("petition.accept", "2026-01-29", False, "2026-02-13", False),
    ("petition.handle", "2026-02-02", False, "2026-04-03", False),
    ("petition.handle", "2026-02-02", True, "2026-05-03", False),
    ("petition.review_window", "2026-09-01", False, "2026-10-08", False),
    ("confirmation.ask", "2026-09-01", False, "2026-10-08", False),
    ("dibao.decide", "2026-11-20", False, "2027-01-04", True),
])  # fmt: skip
def test_the_examples(name: str, start: str, extended: bool, due: str, provisional: bool) -> None:
    found = deadline(_rule(name), date.fromisoformat(start), extended=extended)
    assert (found.due.isoformat(), found.provisional) == (due, provisional)


def _works(day: date) -> tuple[bool, bool]:
    """(working, known), from the notice's own words."""
    if day.year == 2027:
        return day.weekday() < 5 and (day.month, day.day) not in ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)), False
    if (day.month, day.day) in WORKING_WEEKENDS:
        return True, True
    off = any(date(2026, *first) <= day <= date(2026, *last) for first, last in OFF)
    return day.weekday() < 5 and not off, True


def _naively(start: date, days: int, counts: str, rolls: bool) -> tuple[date, bool]:
    """Day by day, with a pencil."""
    day, counted, known = start, 0, True
    while counted < days:
        day = date.fromordinal(day.toordinal() + 1)
        working, certain = _works(day)
        if counts == "working":
            known = known and certain
        if counts == "calendar" or working:
            counted = counted + 1
    if rolls:
        known = known and _works(day)[1]
        while not _works(day)[0]:
            day = date.fromordinal(day.toordinal() + 1)
            known = known and _works(day)[1]
    return day, not known


def _cases() -> list[tuple[date, int, str, bool]]:
    chance = random.Random(2026)
    lengths = [1, 3, 5, 10, 15, 20, 30, 45, 60, 90]
    found = []
    for _ in range(200):
        start = date(2026, 1, 1) + timedelta(days=chance.randrange(365))
        counts = chance.choice([CALENDAR, WORKING])
        found.append((start, chance.choice(lengths), counts, counts == CALENDAR and chance.random() < 0.5))
    return found


@pytest.mark.parametrize(("start", "days", "counts", "rolls"), _cases(), ids=str)
def test_200_cases_as_a_naive_counter_finds_them(start: date, days: int, counts: str, rolls: bool) -> None:
    found = deadline(Rule("x", days, counts, "x", date(2020, 1, 1), rolls=rolls), start)
    assert (found.due, found.provisional) == _naively(start, days, counts, rolls)


def test_a_warning_comes_on_the_working_day_before_and_overdue_begins_at_midnight() -> None:
    assert warns_at(date(2026, 5, 3), SHANGHAI) == datetime(2026, 4, 30, 8, 30, tzinfo=SHANGHAI)
    assert overdue_from(date(2026, 5, 3), SHANGHAI) == datetime(2026, 5, 4, 0, 0, tzinfo=SHANGHAI).astimezone(UTC)


def test_an_authority_is_never_given_longer_and_a_private_person_is() -> None:
    for rule in RULES:
        found = deadline(rule, date(2026, 9, 1))
        assert rule.rolls == rule.name.endswith(("_window", "confirmation.ask"))
        assert rule.counts == WORKING or rule.rolls or found.due == date(2026, 9, 1) + timedelta(days=rule.days)


def test_a_date_explains_itself_in_both_languages() -> None:
    rolled = deadline(_rule("petition.review_window"), date(2026, 9, 1)).explanation
    assert rolled["en"] == (
        "30 days from 2026-09-01, not counting that day, end on 2026-10-08, the next working day after a day off."
        " Source: 信访工作条例 art. 35."
    )
    assert rolled["zh-CN"] == "自2026-09-01起30日(当日不计),至2026-10-08(末日为休息日,顺延)。依据:信访工作条例 art. 35。"
    guessed = deadline(_rule("dibao.decide"), date(2026, 11, 20)).explanation
    assert "provisional" in guessed["en"]
    assert "暂定" in guessed["zh-CN"]


def test_a_pause_stops_the_clock() -> None:
    rule = _rule("petition.recheck")
    start, pause = date(2026, 3, 2), (date(2026, 3, 10), date(2026, 3, 20))
    assert deadline(rule, start, pauses=[pause]).due == deadline(rule, start).due + timedelta(days=10)
    overlapping = [pause, (date(2026, 3, 15), date(2026, 3, 22))]
    assert deadline(rule, start, pauses=overlapping).due == deadline(rule, start).due + timedelta(days=12)
    working = _rule("petition.object")  # 10 to 20 March 2026: eight working days after the first
    assert deadline(working, date(2026, 3, 9), pauses=[pause]).due == date(2026, 3, 26)


def test_a_rule_holds_from_its_day_on_and_a_region_has_its_own() -> None:
    here = Locale(
        id="lijing",
        rules=[
            {"name": "dibao.decide", "days": 25, "since": "2026-03-01", "source": "地方标准"},
            {"name": "dibao.decide", "days": 20, "since": "2026-09-01", "source": "地方标准"},
        ],
    )
    days = [here.deadline("dibao.decide", date(2026, month, 2)).days for month in (2, 3, 8, 9)]
    assert days == [30, 25, 25, 20]
    assert here.deadline("dibao.decide", date(2026, 3, 2)).version == "2026-03-01@lijing"
    with pytest.raises(Invalid, match="rule_not_in_force"):
        rule_at("petition.accept", date(2022, 4, 30))
    with pytest.raises(Invalid, match="rule_unknown"):
        rule_at("petition.never", date(2026, 1, 1))


def test_no_rule_stands_twice_in_the_table() -> None:
    assert len({(rule.name, rule.region, rule.since) for rule in RULES}) == len(RULES)
    assert all(rule.source and rule.days > 0 and rule.counts in (CALENDAR, WORKING) for rule in RULES)
