"""What petitions, disputes, help requests and court matters have in common: a number, clocks, and who may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar, Self

from shared.events.base import Aggregate, Event
from shared.events.locale import Locale
from shared.events.petitions import DeadlineMissed, DeadlineMoved, DeadlineNear
from shared.rules.calendar import at_clock, working_days_after
from shared.rules.errors import Conflict, Forbidden
from shared.rules.law import WARN_AT, Deadline, overdue_from, warns_at

RUNNING, PAUSED, MET, OFF = "running", "paused", "met", "off"
# After the warning: who is told that a date has passed, and how many working days after it; 0 is at midnight.
LEVELS = (("duty_lead", 0), ("secretary", 1), ("street_officer", 3))
NOTES_A_CASE = 500
PROVISIONAL = "provisional"  # how cases with a date that is still a guess are found


@dataclass(frozen=True)
class Actor:
    """Who acts: a person id ("" for somebody anonymous), the role in which, and the unit they work in."""

    id: str
    role: str
    roles: frozenset[str] = frozenset()
    unit: str = ""
    key: str = ""  # how what this person filed is found, without naming them
    limited: bool = False  # others let them in again a short while ago: nothing restricted is for their eyes

    def is_one_of(self, *roles: str) -> bool:
        """Whether they hold one of the roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, kw_only=True)
class Case(Aggregate):
    """A petition, dispute, help request or court matter: its number, its clocks, who is in charge, who may know of it.

    A clock is `{name, rule, version, source, start, days, counts, rolls, due, provisional, state, told, extended, pauses}`,
    dates in ISO; `told` counts the stages of `LEVELS` (and the warning) that were said. `accused` is
    `{worker_id?, unit?}`; `history` are the acts, `{act, role, at, …codes}`; `notes` what was written, encrypted.
    """

    CASE: ClassVar[str] = ""

    number: str = ""
    clocks: list[dict[str, Any]] = field(default_factory=list)
    due: datetime | None = None  # when time itself has something to do
    next_due: datetime | None = None  # the end of the earliest running deadline
    agenda: datetime | None = None  # its place among what is due
    found_by: list[str] = field(default_factory=list)
    accused: dict[str, str] = field(default_factory=dict)
    assignee: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def timed(self, due: datetime | None, next_due: datetime | None) -> Self:
        """With these times at which something is to be done next, and what follows from them."""
        return self.but(due=due, next_due=next_due, agenda=next_due)

    def clock(self, name: str) -> dict[str, Any] | None:
        """The latest clock of this name."""
        return next((clock for clock in reversed(self.clocks) if clock["name"] == name), None)

    def visible_to(self, actor: Actor) -> bool:
        """Whether this person may know of it at all."""
        return not (actor.limited and self.restricted) and self.opens_to(actor)

    def opens_to(self, actor: Actor) -> bool:
        """Whether they are one of those whom it concerns; each kind says who these are."""
        raise TypeError(f"{type(self).__name__} says to nobody")

    def hides_from(self, actor: Actor) -> bool:
        """Whether this person is accused here, or works in the accused's unit."""
        accused = self.accused.get("worker_id")
        unit = self.accused.get("unit")
        return bool((accused and accused == actor.id) or (unit and unit == actor.unit))

    def noted(self, actor: Actor, kind: str, text: str, at: datetime, internal: bool = False) -> Self:
        """With one more note. Raises Conflict("too_many_notes")."""
        if not text:
            return self
        if len(self.notes) >= NOTES_A_CASE:
            raise Conflict("too_many_notes", f"a case holds {NOTES_A_CASE} notes")
        note = {"at": at.isoformat(), "role": actor.role, "kind": kind, "text": text, "internal": internal}
        return self.but(notes=[*self.notes, note])

    def acted(self, actor: Actor, act: str, at: datetime, **codes: Any) -> Self:
        """With one more act in its history. Who works here is named in it, a party never: only their role."""
        by = actor.id if actor.role not in ("resident", "anonymous") else ""
        return self.but(history=[*self.history, {"act": act, "role": actor.role, "by": by, "at": at, **codes}])


def private(name: str) -> bool:
    """Whether a clock is a private person's window: it lapses, nobody is late."""
    return name.endswith("_window")


# -- clocks


def start(case: Any, locale: Locale, name: str, rule: str, day: date) -> Any:
    """With a clock that runs by a rule from a day on."""
    deadline = locale.deadline(rule, day)
    return wind(
        case.but(
            clocks=[
                *case.clocks,
                {"name": name, "state": RUNNING, "told": 0, "extended": False, "pauses": [], **_facts(deadline)},
            ]
        ),
        locale,
    )


def stop(case: Any, locale: Locale, *names: str, state: str = MET) -> Any:
    """With these clocks stopped (all, where none is named): what they were for is done, or is not to be done any more."""
    clocks = [
        clock | {"state": state} if clock["state"] in (RUNNING, PAUSED) and (not names or clock["name"] in names) else clock
        for clock in case.clocks
    ]
    return wind(case.but(clocks=clocks), locale)


def extend(case: Any, locale: Locale, name: str) -> Any:
    """With the clock lengthened once by what its rule allows. Raises Conflict("already_extended")."""
    clock = _running(case, name)
    if clock["extended"]:
        raise Conflict("already_extended", "it can be extended once")
    return _again(case, locale, clock | {"extended": True})


def pause(case: Any, locale: Locale, name: str, at: datetime) -> Any:
    """With the clock standing still from today. Raises Conflict("not_running")."""
    clock = _running(case, name)
    pauses = [*clock["pauses"], [locale.today(at).isoformat(), ""]]
    return _replaced(case, locale, clock | {"state": PAUSED, "pauses": pauses})


def resume(case: Any, locale: Locale, name: str, at: datetime) -> Any:
    """With the clock going on: the days it stood still do not count. Raises Conflict("not_paused")."""
    clock = case.clock(name)
    if clock is None or clock["state"] != PAUSED:
        raise Conflict("not_paused", "this clock does not stand still")
    pauses = [*clock["pauses"][:-1], [clock["pauses"][-1][0], locale.today(at).isoformat()]]
    return _again(case, locale, clock | {"state": RUNNING, "pauses": pauses})


def recompute(case: Any, locale: Locale, at: datetime) -> tuple[Any, list[Event]]:
    """Every running date computed again with the calendar that is known now; says which ones moved or became certain."""
    events: list[Event] = []
    for clock in [c for c in case.clocks if c["state"] == RUNNING]:
        after = clock | _facts(_deadline(locale, clock))
        if (after["due"], after["provisional"]) == (clock["due"], clock["provisional"]):
            continue
        case = _replaced(case, locale, _told_anew(after, clock), clock)
        events.append(
            DeadlineMoved(case.id, case.CASE, case.number, clock["name"], clock["due"], after["due"], after["provisional"], at)
        )
    wound = wind(case, locale)  # the day of the warning may have moved alone
    return (case if wound == case else wound), events


def pass_time(case: Any, locale: Locale, at: datetime) -> tuple[Any, list[Event]]:
    """Every stage that is due by now, each said once: the warning, then one level after the other."""
    events: list[Event] = []
    for clock in [c for c in case.clocks if c["state"] == RUNNING and not private(c["name"])]:
        told = clock["told"]
        while told <= len(LEVELS) and _moment(clock, told, locale) <= at:
            events.append(_told(case, clock, told, at))
            told += 1
        if told != clock["told"]:
            case = _replaced(case, locale, clock | {"told": told}, clock)
    return wind(case, locale), events


def lapsed(case: Case, locale: Locale, name: str, at: datetime) -> bool:
    """Whether a window is over."""
    clock = case.clock(name)
    return clock is not None and clock["state"] == RUNNING and overdue_from(_day(clock), locale.zone) <= at


def wind(case: Any, locale: Locale) -> Any:
    """With the times at which something is to be done next."""
    running = [clock for clock in case.clocks if clock["state"] == RUNNING]
    moments = [m for clock in running if (m := _next(clock, locale)) is not None]
    ends = [overdue_from(_day(clock), locale.zone) for clock in running]
    found_by = [key for key in case.found_by if key != PROVISIONAL]
    found_by += [PROVISIONAL] if any(clock["provisional"] for clock in running) else []
    return case.timed(min(moments, default=None), min(ends, default=None)).but(found_by=found_by)


def _next(clock: Mapping[str, Any], locale: Locale) -> datetime | None:
    if private(clock["name"]):
        return overdue_from(_day(clock), locale.zone)
    return _moment(clock, clock["told"], locale) if clock["told"] <= len(LEVELS) else None


def _moment(clock: Mapping[str, Any], stage: int, locale: Locale) -> datetime:
    """When a stage is due: 0 the warning, then the levels."""
    day = _day(clock)
    if stage == 0:
        return warns_at(day, locale.zone, locale.calendar)
    if not (after := LEVELS[stage - 1][1]):
        return overdue_from(day, locale.zone)
    return at_clock(working_days_after(day, after, locale.calendar).day, WARN_AT, locale.zone)


def _told(case: Case, clock: Mapping[str, Any], stage: int, at: datetime) -> Event:
    if stage == 0:
        return DeadlineNear(case.id, case.CASE, case.number, clock["name"], clock["due"], at)
    return DeadlineMissed(case.id, case.CASE, case.number, clock["name"], clock["due"], LEVELS[stage - 1][0], at)


def _running(case: Case, name: str) -> dict[str, Any]:
    clock = case.clock(name)
    if clock is None or clock["state"] != RUNNING:
        raise Conflict("not_running", "this clock does not run")
    return clock


def _again(case: Any, locale: Locale, clock: dict[str, Any]) -> Any:
    return _replaced(case, locale, _told_anew(clock | _facts(_deadline(locale, clock)), clock))


def _told_anew(after: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A date that moved is warned of, and missed, again; one that did not, never twice."""
    return after if after["due"] == before["due"] else after | {"told": 0}


def _deadline(locale: Locale, clock: Mapping[str, Any]) -> Deadline:
    pauses = [(date.fromisoformat(since), date.fromisoformat(until)) for since, until in clock["pauses"] if until]
    start_day = date.fromisoformat(clock["start"])
    return locale.deadline(clock["rule"], start_day, extended=clock["extended"], pauses=pauses)


def _replaced(case: Any, locale: Locale, after: dict[str, Any], before: dict[str, Any] | None = None) -> Any:
    old = before or case.clock(after["name"])
    return wind(case.but(clocks=[after if clock is old else clock for clock in case.clocks]), locale)


def _day(clock: Mapping[str, Any]) -> date:
    return date.fromisoformat(clock["due"])


def _facts(found: Deadline) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "version": found.version,
        "source": found.source,
        "start": found.start.isoformat(),
        "days": found.days,
        "counts": found.counts,
        "rolls": found.rolls,
        "due": found.due.isoformat(),
        "provisional": found.provisional,
    }


def explained(clock: Mapping[str, Any]) -> dict[str, Any]:
    """A clock as callers see it, with its sentence."""
    deadline = Deadline(
        clock["rule"],
        clock["version"],
        clock["source"],
        date.fromisoformat(clock["start"]),
        clock["days"],
        clock["counts"],
        clock["rolls"],
        _day(clock),
        clock["provisional"],
    )
    return {
        "name": clock["name"],
        "due": clock["due"],
        "rule": clock["rule"],
        "version": clock["version"],
        "provisional": clock["provisional"],
        "explanation": deadline.explanation,
        "state": clock["state"],
    }


# -- who may act


def check_authority(actor: Actor, document_number: str) -> None:
    """Statutory acts belong to the street, or are recorded with its document's number. Raises Forbidden("authority_needed")."""
    if not actor.is_one_of("street_officer") and not document_number:
        raise Forbidden("authority_needed", "an act of the authority: give its document's number", "document_number")


def start_of(day: str, locale: Locale) -> datetime:
    """The beginning of a local day, in UTC."""
    return datetime.combine(date.fromisoformat(day), time(0), locale.zone).astimezone(UTC)
