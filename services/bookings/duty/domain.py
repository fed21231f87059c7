"""Duty: a week's roster of shifts, and the counter's queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from services.bookings.domain import OPEN, Use
from services.bookings.sessions.domain import SEATED
from shared.events.base import Aggregate, Event
from shared.events.bookings import (
    AppointmentsUncovered,
    RosterPublished,
    ShiftStaffed,
    ShiftSwapAsked,
    ShiftSwapped,
    ShiftUncovered,
    TicketCalled,
)
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing

DRAFT, PUBLISHED = "draft", "published"
# The parts of a day: weekdays noon and evening, and the weekend, are what party members and volunteers take over.
WEEKDAY = {
    "morning": ("08:30", "12:00"),
    "noon": ("12:00", "14:30"),
    "afternoon": ("14:30", "18:00"),
    "evening": ("18:00", "20:00"),
}
WEEKEND = {"morning": ("09:00", "12:00"), "afternoon": ("14:30", "17:00")}
OFFICE = frozenset({"morning", "afternoon"})  # on a weekday; every other part is 延时


@dataclass(frozen=True, kw_only=True)
class Roster(Aggregate):
    """One ISO week's shifts: `{id, start, end, extended, needed, people, exception?, swaps}`. A shift's id is
    `<date>.<part>`."""

    LIFECYCLE: ClassVar = {DRAFT: {PUBLISHED}, PUBLISHED: set()}

    week: str = ""
    state: str = DRAFT
    timezone: str = ""
    shifts: list[dict[str, Any]] = field(default_factory=list)


def plan(id: str, week: str, timezone: str, needed: int) -> tuple[Roster, list[Event]]:
    """A week with all its shifts, nobody in them. Raises Invalid("week_invalid")."""
    try:
        monday = date.fromisoformat(f"{week}-1")
    except ValueError:
        raise Invalid("week_invalid", "an ISO week, 2026-W48", "week") from None
    zone, shifts = ZoneInfo(timezone), []
    for n in range(7):
        day = monday + timedelta(days=n)
        for part, (begins, finishes) in (WEEKDAY if n < 5 else WEEKEND).items():
            shifts.append(
                {
                    "id": f"{day.isoformat()}.{part}",
                    "start": at_clock(day, begins, zone),
                    "end": at_clock(day, finishes, zone),
                    "extended": n > 4 or part not in OFFICE,
                    "needed": needed,
                    "people": [],
                    "exception": "",
                    "swap": None,
                }
            )
    return Roster(week=week, timezone=timezone, shifts=shifts), []


def week_of_shift(id: str) -> str:
    """The week that a shift belongs to. Raises Missing."""
    try:
        year, week, _ = date.fromisoformat(id.partition(".")[0]).isocalendar()
    except ValueError:
        raise Missing("shift_missing", "no such shift") from None
    return f"{year}-W{week:02d}"


def shift(roster: Roster, id: str) -> dict[str, Any]:
    """Raises Missing."""
    for one in roster.shifts:
        if one["id"] == id:
            return one
    raise Missing("shift_missing", "no such shift")


def assign(roster: Roster, id: str, people: list[str], at: datetime) -> tuple[Roster, list[Event]]:
    """These are on duty. Nobody is, in a published shift: that is said at once."""
    before = shift(roster, id)
    if before["end"] <= at:
        raise Conflict("already_over", "this shift is over")
    after = _set(roster, id, people=people, swap=None)
    if roster.state != PUBLISHED or before["people"] == people:
        return after, []
    event = ShiftStaffed if people else ShiftUncovered
    return after, [event(roster.id, id, *_span(roster, before), at)]


def except_shift(roster: Roster, id: str, reason: str, by: str, at: datetime) -> tuple[Roster, list[Event]]:
    """A shift may stay short, for a reason."""
    shift(roster, id)
    return _set(roster, id, exception={"reason": reason, "by": by, "at": at.isoformat()}), []


def gaps(roster: Roster) -> list[dict[str, Any]]:
    """Shifts that are short and for which no exception is approved."""
    return [s for s in roster.shifts if len(s["people"]) < s["needed"] and not s["exception"]]


def publish(roster: Roster, at: datetime) -> tuple[Roster, list[Event]]:
    """The week stands. Raises Conflict("roster_has_gaps") with the shifts that are short."""
    if short := gaps(roster):
        missing = [{"id": s["id"], "people": len(s["people"]), "needed": s["needed"]} for s in short]
        raise Conflict("roster_has_gaps", f"{len(short)} shifts are short", gaps=missing)
    people = sorted({p for s in roster.shifts for p in s["people"]})
    excepted = sum(len(s["people"]) < s["needed"] for s in roster.shifts)
    return roster.become(PUBLISHED), [RosterPublished(roster.id, roster.week, people, excepted, at)]


def ask_swap(roster: Roster, id: str, asks: str, asked: str, at: datetime) -> tuple[Roster, list[Event]]:
    """Somebody on duty asks another to take the shift over."""
    one = shift(roster, id)
    if asks not in one["people"]:
        raise Forbidden("not_on_duty", "only somebody on duty in it can give it away")
    if asked in one["people"]:
        raise Conflict("already_on_duty", "they are on duty in it already")
    if one["start"] <= at:
        raise Conflict("already_over", "it has begun")
    event = ShiftSwapAsked(roster.id, id, asks, asked, *_span(roster, one), at)
    return _set(roster, id, swap={"asks": asks, "asked": asked}), [event]


def answer_swap(roster: Roster, id: str, who: str, agrees: bool, at: datetime) -> tuple[Roster, list[Event]]:
    """The other takes it over, or not."""
    one = shift(roster, id)
    if one["start"] <= at:
        raise Conflict("already_over", "it has begun")
    swap = one["swap"]
    if swap is None or swap["asked"] != who:
        raise Conflict("not_asked", "nobody asked you to take it over")
    if not agrees:
        return _set(roster, id, swap=None), []
    people = [who if p == swap["asks"] else p for p in one["people"]]
    event = ShiftSwapped(roster.id, id, swap["asks"], who, *_span(roster, one), at)
    return _set(roster, id, people=people, swap=None), [event]


def covering(roster: Roster | None, start: datetime, end: datetime) -> dict[str, Any] | None:
    """The published shift with somebody on duty all that time."""
    if roster is None or roster.state != PUBLISHED:
        return None
    return next((s for s in roster.shifts if s["start"] <= start and end <= s["end"] and s["people"]), None)


def _span(roster: Roster, shift: dict[str, Any]) -> tuple[datetime, datetime]:
    zone = ZoneInfo(roster.timezone)
    return shift["start"].astimezone(zone), shift["end"].astimezone(zone)


def _set(roster: Roster, id: str, **facts: Any) -> Roster:
    return roster.but(shifts=[s | facts if s["id"] == id else s for s in roster.shifts])


def relieve(roster: Roster, person: str, since: datetime, at: datetime) -> tuple[Roster, list[Event]]:
    """Somebody's term ends: in shifts that go on behind it, and are not over, they are on duty no more."""
    events: list[Event] = []
    for one in [s for s in roster.shifts if person in s["people"] and s["end"] > max(since, at)]:
        roster, more = assign(roster, one["id"], [p for p in one["people"] if p != person], at)
        events += more
    return roster, events


def forget_person(roster: Roster, person: str, at: datetime) -> tuple[Roster, list[Event]]:
    """Somebody was erased: nobody is on duty in their name."""
    events: list[Event] = []
    for one in [s for s in roster.shifts if person in s["people"]]:
        rest = [p for p in one["people"] if p != person]
        if one["end"] > at:
            roster, more = assign(roster, one["id"], rest, at)
            events += more
        else:
            roster = _set(roster, one["id"], people=rest)
    swaps = [s["id"] for s in roster.shifts if s["swap"] and person in s["swap"].values()]
    for id in swaps:
        roster = _set(roster, id, swap=None)
    return roster, events


# -- appointments

SLOT = timedelta(minutes=30)
APPOINTMENTS_A_SLOT = 2


def slot(id: str, community: str, timezone: str, start: datetime, quota: int, extended: bool) -> Use:
    """The counter's slot, which appointments take places in."""
    return Use(
        id=id,
        community=community,
        kind="counter",
        state=OPEN,
        room_id="",
        room_name="",
        timezone=timezone,
        start=start,
        end=start + SLOT,
        title="",
        capacity=quota,
        claims=[id],
        found_by=["kind:counter"],
        extended=extended,
        due=start + SLOT,
    )


def uncover(use: Use, covered: bool, at: datetime, seated: bool = False) -> tuple[Use, list[Event]]:
    """Whether anybody is on duty for these appointments: if not, the lead must act. `seated`: one was just made."""
    count = sum(p["state"] in SEATED for p in use.places)
    if use.state != OPEN or (use.uncovered != covered and not (seated and not covered)):
        return use, []
    events: list[Event] = [] if covered or not count else [AppointmentsUncovered(use.id, use.begins, use.finishes, count, at)]
    return use.but(uncovered=not covered), events


# -- the counter's queue

WAITS, CALLED, HOLDS, SERVED, LEFT = "waiting", "called", "held", "served", "left"
TICKETS_A_DAY = 2000
PRIORITY = ("veteran", "disabled", "elder")


@dataclass(frozen=True, kw_only=True)
class Queue(Aggregate):
    """One day's line at the counter: tickets `{n, kind, person, tell, priority, state, at, due?, desk?}`."""

    TICKETS: ClassVar = {
        WAITS: {CALLED, HOLDS, LEFT},
        CALLED: {SERVED, HOLDS, LEFT, WAITS},
        HOLDS: {WAITS, LEFT},
        SERVED: set(),
        LEFT: set(),
    }

    day: str = ""
    tickets: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0


def draw(
    queue: Queue, kind: str, person: str, groups: list[str], due: datetime | None, place: str, at: datetime
) -> tuple[Queue, list[Event]]:
    """A ticket: for a walk-in, or for an appointment that has come (`due` is its time). Priority groups go first."""
    if len(queue.tickets) >= TICKETS_A_DAY:
        raise Conflict("queue_full", "no more tickets today")
    if place and any(t["place"] == place for t in queue.tickets):
        raise Conflict("already_queued", "this appointment has its ticket")
    if person and any(t["person"] == person and t["state"] in (WAITS, CALLED, HOLDS) for t in queue.tickets):
        raise Conflict("already_queued", "this person has a ticket")
    ticket = {
        "n": len(queue.tickets) + 1,
        "kind": kind,
        "person": person,
        "place": place,
        "state": WAITS,
        "at": at,
        "due": due,
        "priority": any(group in groups for group in PRIORITY),
        "desk": "",
    }
    return queue.but(tickets=[*queue.tickets, ticket]), []


def line(queue: Queue, at: datetime) -> list[dict[str, Any]]:
    """Who is next: priority tickets, then appointments whose time has come, then by arrival."""
    waiting = [t for t in queue.tickets if t["state"] == WAITS]
    return sorted(waiting, key=lambda t: (not t["priority"], not (t["due"] and t["due"] <= at), t["n"]))


def call_next(queue: Queue, desk: str, at: datetime) -> tuple[Queue, list[Event]]:
    """The next one, to this desk. Raises Conflict("queue_empty")."""
    waiting = line(queue, at)
    if not waiting:
        raise Conflict("queue_empty", "nobody waits")
    first = waiting[0]
    tell = [first["person"]] if first["person"] else []
    called = _ticket(queue, first["n"], CALLED, desk=desk, call=queue.calls + 1).but(calls=queue.calls + 1)
    return called, [TicketCalled(queue.id, first["n"], tell, at)]


def step(queue: Queue, n: int, state: str) -> tuple[Queue, list[Event]]:
    """Served, held (back in a moment), waiting again, or gone."""
    return _ticket(queue, n, state), []


def ticket(queue: Queue, n: int) -> dict[str, Any]:
    """Raises Missing."""
    for one in queue.tickets:
        if one["n"] == n:
            return one
    raise Missing("ticket_missing", "no such ticket")


def forget(queue: Queue, person: str) -> tuple[Queue, list[Event]]:
    """The person was erased."""
    return queue.but(tickets=[t | {"person": ""} if t["person"] == person else t for t in queue.tickets]), []


def _ticket(queue: Queue, n: int, state: str, **more: Any) -> Queue:
    if state not in Queue.TICKETS[ticket(queue, n)["state"]]:
        raise Conflict("illegal_transition", f"{ticket(queue, n)['state']} cannot become {state}")
    return queue.but(tickets=[t | more | {"state": state} if t["n"] == n else t for t in queue.tickets])
