"""Said by bookings: rooms and reservations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
