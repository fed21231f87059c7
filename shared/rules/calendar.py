"""Working days, legal days and recurring days. Free of any framework; dates are the community's local dates.

China's calendar has days off on weekdays and working days on weekends (调休), published a year ahead by the State
Council. A community may override single days; a year that is not published yet counts Monday to Friday except the
holidays that are certain, and what is computed from it is `provisional`.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
from dateutil.rrule import rrulestr

from shared.rules.errors import Invalid

DAY = timedelta(days=1)
# 1 January, 1-2 May, 1-3 October: off by law every year (全国年节及纪念日放假办法, 2024 revision).
CERTAIN = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
_RULE = re.compile(r"(RRULE:)?FREQ=[A-Z]+(;[A-Z]+=[A-Z0-9,+:-]+)*", re.IGNORECASE)
_WHOLE_DAY = re.compile(r"(UNTIL=\d{8})(?=;|$)", re.IGNORECASE)
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
ALLOWED = {
    "DAILY": {"BYDAY"},
    "WEEKLY": {"BYDAY"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTHDAY", "BYMONTH"},
}
FINEST_FREQUENCY = 3  # dateutil's number for DAILY; larger ones repeat within a day


@dataclass(frozen=True)
class Due:
    """A computed date; `provisional` where a year is involved whose calendar is not published yet."""

    day: date
    provisional: bool = False


@functools.lru_cache(maxsize=4096)
def _published(day: date) -> bool | None:
    """Whether the published calendar makes it a working day; None where there is none for that year."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def works_on(day: date, overrides: Mapping[str, bool] | None = None) -> bool:
    """Whether people work that day. `overrides` maps ISO dates to True (working) or False (off)."""
    if overrides and (own := overrides.get(day.isoformat())) is not None:
        return own
    published = _published(day)
    return published if published is not None else day.weekday() < 5 and (day.month, day.day) not in CERTAIN


def is_provisional(day: date, overrides: Mapping[str, bool] | None = None) -> bool:
    """Whether that day's calendar is still a guess."""
    return day.isoformat() not in (overrides or {}) and _published(day) is None


def working_days_after(start: date, count: int, overrides: Mapping[str, bool] | None = None) -> Due:
    """The `count`-th working day after `start`; the first day does not count (民法典 art. 201)."""
    day, guessed = start, False
    while count > 0:
        day += DAY
        guessed = guessed or is_provisional(day, overrides)
        count -= works_on(day, overrides)
    return Due(day, guessed)


def days_after(start: date, count: int) -> Due:
    """`count` calendar days after `start`; the first day does not count."""
    return Due(start + count * DAY)


def rolled(due: Due, overrides: Mapping[str, bool] | None = None) -> Due:
    """The date, or the next working day where it is a day off: for a private person's windows (民法典 art. 203)."""
    day, guessed = due.day, due.provisional or is_provisional(due.day, overrides)
    while not works_on(day, overrides):
        day += DAY
        guessed = guessed or is_provisional(day, overrides)
    return Due(day, guessed)


def is_holiday(day: date, overrides: Mapping[str, bool] | None = None) -> bool:
    """Whether the day is off because of a holiday, be it a weekday or a weekend."""
    if overrides and (own := overrides.get(day.isoformat())) is not None:
        return not own
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return (day.month, day.day) in CERTAIN
    return bool(off and name)


def working_day_before(day: date, overrides: Mapping[str, bool] | None = None) -> date:
    """The last working day before `day`."""
    day -= DAY
    while not works_on(day, overrides):
        day -= DAY
    return day


def at_clock(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """That wall-clock time ("16:30", up to "24:00") of a local day, in UTC."""
    if clock == "24:00":
        day, clock = day + DAY, "00:00"
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def occurrences(rule: str, first: date, clock: str, zone: ZoneInfo, last: date) -> list[date]:
    """The local days on which an RFC 5545 recurrence rule that starts on `first` falls, up to `last`.

    Raises Invalid for the field `rule`: `rule_invalid`, `rule_too_fine` (more than once a day).
    """
    recurrence, there = _read(rule, first, clock, zone)
    end = datetime.combine(last, time.max).replace(tzinfo=there)
    bounded = recurrence.replace(count=None, until=min(end, recurrence._until or end))
    return sorted({moment.date() for moment in itertools.islice(bounded, recurrence._count)})


def last_occurrence(rule: str, first: date, clock: str, zone: ZoneInfo, by: date) -> date | None:
    """The last day of a recurrence rule that starts on `first`; None where it goes on after `by`."""
    recurrence, _ = _read(rule, first, clock, zone)
    last = first - DAY  # where it falls on no day at all
    for moment in itertools.islice(recurrence.replace(count=None), recurrence._count):
        if moment.date() > by:
            return None
        last = moment.date()
    return last


def _read(rule: str, first: date, clock: str, zone: ZoneInfo) -> tuple[Any, ZoneInfo | None]:
    """The rule as dateutil has it, and the zone that its times are compared in."""
    if not _RULE.fullmatch(rule):
        raise Invalid("rule_invalid", "not a recurrence rule of RFC 5545", "rule")
    # RFC 5545, 3.3.10: an UNTIL that is a date includes that day, whatever the hour.
    rule = _WHOLE_DAY.sub(r"\1T235959", rule)
    start = datetime.combine(first, time.fromisoformat(clock))
    # RFC 5545, 3.3.10: a rule whose UNTIL is in UTC is compared with aware times, any other with the wall clock.
    if not re.fullmatch(r"[1-9]\d{0,2}", _parts(rule).get("INTERVAL", "1")):
        raise Invalid("rule_invalid", "INTERVAL is 1 to 999", "rule")  # 0 would never end
    there = zone if "Z" in rule.upper().partition("UNTIL=")[2].partition(";")[0] else None
    try:
        recurrence = rrulestr(rule, dtstart=start.replace(tzinfo=there))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise Invalid("rule_invalid", "not a recurrence rule of RFC 5545", "rule") from error
    if (
        recurrence._freq > FINEST_FREQUENCY
        or "BYHOUR" in rule.upper()
        or "BYMINUTE" in rule.upper()
        or "BYSECOND" in rule.upper()
    ):
        raise Invalid("rule_too_fine", "at most once a day; the time has its own field", "rule")
    if not _falls_on_some_day(_parts(rule)):
        raise Invalid("rule_unsupported", "these parts do not go together here", "rule")
    return recurrence, there


def _falls_on_some_day(parts: dict[str, str]) -> bool:
    """Whether the rule surely falls on a day: one that never does would be followed, day by day, to the year 9999."""
    allowed = ALLOWED.get(parts["FREQ"], set()) | {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
    if not parts.keys() <= allowed:
        return False
    every, count = int(parts.get("INTERVAL", "1")), int(parts.get("COUNT", "1"))
    if not (1 <= every <= 366 and 1 <= count <= 1000):
        return False
    # These may step over every day that they name: INTERVAL=7 from a Tuesday never falls on a Monday.
    if (parts["FREQ"] == "DAILY" and "BYDAY" in parts and every > 1) or (parts["FREQ"] == "MONTHLY" and every % 12 == 0):
        return False
    if "BYSETPOS" in parts and "BYMONTHDAY" in parts:
        return False
    days = [abs(int(n)) for n in parts.get("BYMONTHDAY", "1").split(",")]
    months = [int(n) for n in parts.get("BYMONTH", "1").split(",")]
    places = [abs(int(n)) for n in parts.get("BYSETPOS", "1").split(",")]
    ordinals = [abs(int(found)) for found in re.findall(r"[+-]?\d+", parts.get("BYDAY", ""))]
    exists = any(day <= LENGTHS[month - 1] for day in days for month in months if 1 <= month <= 12)
    return exists and max(places) <= 4 and max(ordinals, default=1) <= 5 and not ("BYSETPOS" in parts and ordinals)


def _parts(rule: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in rule.upper().removeprefix("RRULE:").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def ends(rule: str) -> bool:
    """Whether a recurrence rule says itself when it is over."""
    return not _parts(rule).keys().isdisjoint({"COUNT", "UNTIL"})
