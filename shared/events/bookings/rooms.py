"""Rooms, equipment and reservations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.events.base import Event


@dataclass(frozen=True)
class RoomOpened(Event):
    """The room can be booked."""

    room_id: str
    use: str
    capacity: int
    at: datetime


@dataclass(frozen=True)
class RoomChanged(Event):
    """The room's rules changed; reservations made before keep their slots."""

    room_id: str
    use: str
    capacity: int
    at: datetime


@dataclass(frozen=True)
class ReservationConfirmed(Event):
    """The room is the resident's from `start` to `end` (local offset); nobody else can have it then."""

    reservation_id: str
    room_id: str
    room_name: str
    resident_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ReservationCancelled(Event):
    """The slots are free again. `reason` is a code: by_resident, by_worker or erased."""

    reservation_id: str
    room_id: str
    room_name: str
    resident_id: str
    start: datetime
    end: datetime
    reason: str
    at: datetime


@dataclass(frozen=True)
class ConfidentialBooked(Event):
    """Something confidential is booked: for whom and when, not what or where."""

    restricted: ClassVar[bool] = True

    booking_id: str
    tell: list[str]
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ConfidentialCancelled(Event):
    """A confidential booking is cancelled."""

    restricted: ClassVar[bool] = True

    booking_id: str
    tell: list[str]
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class ReminderDue(Event):
    """A reservation or session begins in about 24 hours or 1 hour (`hours`), and `tell` should be reminded."""

    use_id: str
    kind: str
    title: str
    room_name: str
    tell: list[str]
    start: datetime
    end: datetime
    hours: int
    at: datetime


@dataclass(frozen=True)
class RoomFaultReported(Event):
    """A room or piece of equipment is out of order and cannot be booked."""

    room_id: str
    at: datetime


@dataclass(frozen=True)
class RoomRepaired(Event):
    """It can be booked again."""

    room_id: str
    at: datetime
