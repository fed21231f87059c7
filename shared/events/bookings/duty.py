"""Who is on duty when, and the counter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class RosterPublished(Event):
    """The week's shifts stand. `people` are those on duty in it; `gaps` shifts are short by an approved exception."""

    roster_id: str
    week: str
    people: list[str]
    gaps: int
    at: datetime


@dataclass(frozen=True)
class ShiftSwapAsked(Event):
    """One asks another to take over a shift."""

    roster_id: str
    shift_id: str
    asks: str
    asked: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ShiftSwapped(Event):
    """The other took the shift over."""

    roster_id: str
    shift_id: str
    before: str
    after: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ShiftStaffed(Event):
    """Others are on duty in a published shift than before."""

    roster_id: str
    shift_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ShiftUncovered(Event):
    """Nobody is on duty any more in a published shift."""

    roster_id: str
    shift_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class AppointmentsUncovered(Event):
    """Appointments stand for a time at which nobody is on duty; the duty lead must act."""

    session_id: str
    start: datetime
    end: datetime
    count: int
    at: datetime


@dataclass(frozen=True)
class TicketCalled(Event):
    """The next one in the counter's queue is called."""

    queue_id: str
    ticket: int
    tell: list[str]
    at: datetime
