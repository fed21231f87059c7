"""What all parts of bookings share: the uses of rooms, the grid of time, and what is known of people by listening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from shared.events.base import Aggregate
from shared.rules.errors import Invalid

RESERVATION = "reservation"
# A reservation is CONFIRMED; a session is HELD until its programme is published, then OPEN. OVER is its end.
CONFIRMED, HELD, OPEN, CANCELLED, OVER, RELEASED = "confirmed", "held", "open", "cancelled", "over", "released"
QUARTER = timedelta(minutes=15)
BOOKABLE_AHEAD = timedelta(days=180)
LONGEST_USE = timedelta(hours=12)
REMINDERS = (timedelta(hours=24), timedelta(hours=1))
COUNSELLING = "counselling"  # the kind of a talk of which nobody knows but the two


@dataclass(frozen=True, kw_only=True)
class Use(Aggregate):
    """Whatever occupies a room, or is attended: a reservation, a session of a programme, an appointment slot, a sitting.

    `claims` are its quarter-hours of every room and resource, unique in the community; a released use claims its own id.
    `places` are `{n, person, tell, rank, state, at, by, offered_until?, …}`, in order of arrival. `found_by` lists
    `room:…`, `person:…`, `programme:…` and `kind:…`: what lists look it up by. `due` is when time itself next changes it.
    """

    LIFECYCLE: ClassVar = {
        CONFIRMED: {CANCELLED},
        HELD: {OPEN, RELEASED},
        OPEN: {CANCELLED, OVER},
        CANCELLED: set(),
        OVER: set(),
        RELEASED: set(),
    }
    PERSONAL: ClassVar = ("purpose",)

    kind: str
    state: str
    room_id: str
    room_name: str
    timezone: str
    start: datetime
    end: datetime
    resident_id: str = ""
    purpose: str = ""
    booked_by: str = ""
    claims: list[str] = field(default_factory=list)
    reason: str = ""
    found_by: list[str] = field(default_factory=list)
    due: datetime | None = None
    # of a session
    programme_id: str = ""
    hold: str = ""
    day: str = ""  # the programme's date that it stands for, wherever it was moved to
    title: str = ""
    capacity: int = 0
    seats: int = 0  # what its programme wants; fewer in a smaller room
    reminded: list[int] = field(default_factory=list)  # hours before the start
    priority: list[str] = field(default_factory=list)
    weekly_limit: int = 0
    resources: list[str] = field(default_factory=list)
    places: list[dict[str, Any]] = field(default_factory=list)
    arrivals: int = 0
    extended: bool = False
    uncovered: bool = False
    staffing: dict[str, Any] = field(default_factory=dict)

    @property
    def restricted(self) -> bool:
        """Whether what it says is nobody's business but that of who tells the person."""
        return self.kind == COUNSELLING

    @property
    def zone(self) -> ZoneInfo:
        """The community's wall clock."""
        return ZoneInfo(self.timezone)

    @property
    def begins(self) -> datetime:
        """The start on the community's wall clock."""
        return self.start.astimezone(self.zone)

    @property
    def finishes(self) -> datetime:
        """The end on the community's wall clock."""
        return self.end.astimezone(self.zone)


@dataclass(frozen=True, kw_only=True)
class Person(Aggregate):
    """What bookings knows of a resident or worker, from having listened.

    `weeks` maps an ISO week to the places held in it, `{place, programme, at}`; `misses` are `{place, at, waived?}`;
    `credits` the lessons attended.
    """

    language: str = "zh-CN"
    groups: list[str] = field(default_factory=list)
    guardians: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    works_until: datetime | None = None  # the end of a worker's term
    weeks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    misses: list[dict[str, Any]] = field(default_factory=list)
    suspended_until: datetime | None = None
    heard: dict[str, datetime] = field(default_factory=dict)  # when what is known was said: older news changes nothing
    credits: list[str] = field(default_factory=list)

    @property
    def is_child(self) -> bool:
        """Whether a guardian decides for this person."""
        return "child" in self.groups


def claims(room_id: str, start: datetime, end: datetime) -> list[str]:
    """The quarter-hours (UTC) of a room or resource between two times."""
    quarters, moment = [], start.astimezone(UTC)
    while moment < end:
        quarters.append(f"{room_id}/{moment:%Y-%m-%dT%H:%M}")
        moment += QUARTER
    return quarters


def claims_of(rooms: Iterable[str], start: datetime, end: datetime) -> list[str]:
    """The quarter-hours of several rooms and resources."""
    return [claim for room_id in rooms if room_id for claim in claims(room_id, start, end)]


def check_grid(start: datetime, end: datetime, at: datetime) -> None:
    """Raises Invalid: `off_grid`, `times_reversed`, `too_long`, `in_the_past`, `too_far_ahead`."""
    for name, moment in (("start", start), ("end", end)):
        if moment.minute % 15 or moment.second or moment.microsecond:
            raise Invalid("off_grid", "times lie on the quarter-hour", name)
    if end <= start:
        raise Invalid("times_reversed", "it must end after it begins", "end")
    if end - start > LONGEST_USE:
        raise Invalid("too_long", "at most 12 hours", "end")
    if start < at:
        raise Invalid("in_the_past", "it would have begun already", "start")
    if start > at + BOOKABLE_AHEAD:
        raise Invalid("too_far_ahead", "at most 180 days ahead", "start")


def next_reminder(start: datetime, after: datetime) -> datetime | None:
    """When people are reminded next: 24 hours and 1 hour before, none that is past."""
    return next((start - before for before in REMINDERS if start - before > after), None)
