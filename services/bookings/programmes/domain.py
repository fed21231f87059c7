"""Programmes: what recurs. A rule of RFC 5545 gives the days, the calendar takes some away, single exceptions change some."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from services.bookings.domain import BOOKABLE_AHEAD, HELD, Use, claims_of
from services.bookings.sessions.domain import KINDS, PEOPLE_A_SESSION
from shared.events.base import Aggregate, Event
from shared.events.bookings import ProgrammeEnded, ProgrammeExtended, ProgrammePublished, SessionClashed
from shared.events.locale import Locale
from shared.rules.calendar import at_clock, ends, is_holiday, last_occurrence, occurrences, works_on
from shared.rules.errors import Conflict, Invalid

PUBLISHED, ENDED = "published", "ended"
HELD_FOR = timedelta(seconds=60)  # what is held for a programme that is not published by then is released
LONGEST_TERM = timedelta(days=731)


@dataclass(frozen=True, kw_only=True)
class Programme(Aggregate):
    """Something that happens again and again.

    `rule` starts on `first` and ends with it or on `last` (ISO dates); `begins` and `finishes` are wall-clock times.
    `on_holidays`: keep sessions on days off; `make_up`: meet on working weekends too, as schools do. `skip` and `add` are
    single dates. `horizon` is the date up to which sessions exist; `clashes` are dates that could not be held.
    """

    LIFECYCLE: ClassVar = {PUBLISHED: {ENDED}, ENDED: set()}

    state: str = PUBLISHED
    kind: str
    title: str
    timezone: str
    rule: str
    first: str
    begins: str
    finishes: str
    capacity: int
    last: str = ""
    room_id: str = ""
    room_name: str = ""
    resources: list[str] = field(default_factory=list)
    on_holidays: bool = True
    make_up: bool = False
    skip: list[str] = field(default_factory=list)
    add: list[str] = field(default_factory=list)
    priority: list[str] = field(default_factory=list)
    weekly_limit: int = 0
    club_id: str = ""
    created_by: str = ""
    horizon: str = ""
    holds: list[str] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)
    due: datetime | None = None  # when more dates are to be made: the next midnight, while there are any to come


def check(facts: dict[str, Any], rooms: list[Any], today: date) -> None:
    """Raises Invalid with the field: rule_endless, times_reversed, off_grid, and what its term and its rooms raise. `rooms`
    are the room, where it has one, and all resources."""
    first = date.fromisoformat(facts["first"])
    occurrences(facts["rule"], first, "00:00", ZoneInfo("UTC"), first)  # refuses what is no rule at all
    if not facts.get("last") and not ends(facts["rule"]):
        raise Invalid("rule_endless", "say COUNT or UNTIL in the rule, or the last date", "rule")
    if facts["finishes"] <= facts["begins"]:
        raise Invalid("times_reversed", "it must end after it begins", "finishes")
    for name in ("begins", "finishes"):
        if int(facts[name][3:]) % 15:
            raise Invalid("off_grid", "times lie on the quarter-hour", name)
    _check_term(facts, first, today)
    _check_rooms(facts, rooms)
    if facts["capacity"] > PEOPLE_A_SESSION:
        raise Invalid("capacity_too_large", f"at most {PEOPLE_A_SESSION} seats and waiting", "capacity")


def _check_term(facts: dict[str, Any], first: date, today: date) -> None:
    """Raises Invalid: term_reversed, in_the_past, term_too_long, outside_term."""
    last = facts.get("last", "")
    if last and last < facts["first"]:
        raise Invalid("term_reversed", "it must end after it begins", "last")
    if first < today:
        raise Invalid("in_the_past", "it would have begun already", "first")
    if last and date.fromisoformat(last) > today + LONGEST_TERM:
        raise Invalid("term_too_long", "at most two years", "last")
    if any(day < facts["first"] or (last and day > last) for day in facts.get("add", [])):
        raise Invalid("outside_term", "from the first date to the last", "add")


def _check_rooms(facts: dict[str, Any], rooms: list[Any]) -> None:
    """Raises Invalid: room_missing, room_unwanted, room_closed, capacity_exceeds_room."""
    kind, room_id = KINDS[facts["kind"]], facts.get("room_id")
    if kind.room and not room_id:
        raise Invalid("room_missing", "this kind of session needs a room", "room_id")
    if not kind.room and room_id:
        raise Invalid("room_unwanted", "this kind of session uses no room", "room_id")
    for needed in rooms:
        if not needed.bookable:
            field = "room_id" if needed.id == room_id else "resources"
            raise Invalid("room_closed", "it is not booked at present", field, reason="not booked at present")
    # A person or a piece of equipment seats nobody.
    if room_id and rooms and facts["capacity"] > rooms[0].capacity:
        raise Invalid("capacity_exceeds_room", f"the room holds {rooms[0].capacity}", "capacity")


def days(programme: Programme, locale: Locale, after: date, until: date) -> list[date]:
    """The days on which it meets, later than `after` and up to `until`."""
    first, last = date.fromisoformat(programme.first), programme.last or until.isoformat()
    until = min(until, date.fromisoformat(last))
    dates = set(occurrences(programme.rule, first, programme.begins, locale.zone, until))
    if not programme.on_holidays:
        dates = {day for day in dates if not _is_off(day, locale)}
    if programme.make_up:
        over = last_occurrence(programme.rule, first, programme.begins, locale.zone, until) or until
        span = (first + timedelta(days=n) for n in range((over - first).days + 1))
        dates |= {day for day in span if day.weekday() > 4 and works_on(day, locale.calendar)}
    dates |= {date.fromisoformat(day) for day in programme.add}
    dates -= {date.fromisoformat(day) for day in programme.skip}
    return sorted(day for day in dates if after < day <= until)


def check_ahead(programme: Programme, locale: Locale, made: list[date], until: date, at: datetime) -> None:
    """Raises Invalid where none of its dates `made` up to `until` is to come, and none after: rule_empty, in_the_past."""
    if any(at_clock(day, programme.begins, locale.zone) > at for day in made):
        return
    # One that begins later than that has its dates made then.
    if days(programme, locale, until, until + timedelta(days=366)):
        return
    if made:
        raise Invalid("in_the_past", "its last date has begun already", "first")
    raise Invalid("rule_empty", "it falls on no day", "rule")


def _is_off(day: date, locale: Locale) -> bool:
    """Whether a programme that keeps off holidays does not meet: a weekend class still does on an ordinary weekend."""
    return is_holiday(day, locale.calendar) if day.weekday() > 4 else not works_on(day, locale.calendar)


def session(programme: Programme, id: str, day: date, hold: str, at: datetime) -> Use:
    """One date of it, held: it claims its room, and nobody sees it yet."""
    zone = Locale(timezone=programme.timezone).zone
    start, end = at_clock(day, programme.begins, zone), at_clock(day, programme.finishes, zone)
    wanted = [programme.room_id, *programme.resources]
    return Use(
        id=id,
        community=programme.community,
        kind=programme.kind,
        state=HELD,
        room_id=programme.room_id,
        room_name=programme.room_name,
        timezone=programme.timezone,
        start=start,
        end=end,
        programme_id=programme.id,
        hold=hold,
        day=day.isoformat(),
        title=programme.title,
        capacity=programme.capacity,
        seats=programme.capacity,
        priority=programme.priority,
        weekly_limit=programme.weekly_limit,
        resources=programme.resources,
        claims=claims_of(wanted, start, end) or [id],
        # With its rooms, so that nobody is offered a time that it holds.
        found_by=[f"programme:{programme.id}", *(f"room:{id}" for id in wanted if id)],
        due=at + HELD_FOR,
    )


def horizon(at: datetime, locale: Locale) -> date:
    """The last day for which sessions are made now."""
    return (at + BOOKABLE_AHEAD).astimezone(locale.zone).date()


def publish(id: str, programme: Programme, hold: str, until: date, clashes: list[Use], at: datetime) -> tuple[Any, list[Event]]:
    """All its dates are held: from this write on they are public."""
    events: list[Event] = [ProgrammePublished(id, programme.kind, programme.title, programme.room_id, hold, at)]
    events += [SessionClashed(id, use.begins, use.finishes, at) for use in clashes]
    missed = [use.begins.date().isoformat() for use in clashes]
    return _timed(programme.but(horizon=until.isoformat(), holds=[hold], clashes=missed), at), events


def extend(
    programme: Programme, hold: str, until: date, held: list[Use], clashes: list[Use], more: bool, at: datetime
) -> tuple[Programme, list[Event]]:
    """More dates are held, up to `until`; those that clash are noted and said. `more`: there are dates after it."""
    if programme.state != PUBLISHED:
        return programme.but(due=None), []
    last = max(until.isoformat(), programme.horizon)
    events: list[Event] = [ProgrammeExtended(programme.id, hold, last, at)] if held else []
    events += [SessionClashed(programme.id, use.begins, use.finishes, at) for use in clashes]
    missed = [*programme.clashes, *(use.begins.date().isoformat() for use in clashes)][-366:]
    holds = [*programme.holds, hold][-30:] if held else programme.holds
    return _timed(programme.but(horizon=last, holds=holds, clashes=missed), at, more), events


def _timed(programme: Programme, at: datetime, more: bool = True) -> Programme:
    if not more or (programme.last and programme.last <= programme.horizon):
        return programme.but(due=None)
    zone = ZoneInfo(programme.timezone)
    return programme.but(due=at_clock(at.astimezone(zone).date() + timedelta(days=1), "00:00", zone))


def forget(programme: Programme) -> tuple[Programme, list[Event]]:
    """Who made it was erased."""
    return programme.but(created_by=""), []


def end(programme: Programme, at: datetime) -> tuple[Programme, list[Event]]:
    """No sessions any more."""
    if programme.state == ENDED:
        raise Conflict("already_over", "it has ended already")
    return programme.become(ENDED, due=None), [ProgrammeEnded(programme.id, at)]
