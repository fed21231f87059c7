"""Sittings: a room and people, held for another service's business."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.bookings.domain import CANCELLED, CONFIRMED, QUARTER, RELEASED, Use, check_grid, claims_of
from services.bookings.rooms.domain import check_open
from shared.events.base import Event
from shared.events.bookings import SittingBooked, SittingRefused, SittingWithdrawn
from shared.rules.errors import Conflict, Invalid

SITTING = "sitting"
CHOICES_A_REFUSAL = 3
CHOICE_DAYS_AHEAD = 7


def why_not(rooms: list[Any], start: datetime, end: datetime, at: datetime) -> str:
    """The code of what stands against it, whoever else has the rooms; "" where nothing does."""
    try:
        check_grid(start, end, at)
        for room in rooms:
            if room.fault or not room.bookable:
                return "out_of_order"
            check_open(room, start, end)
    except Invalid as error:
        return error.code
    return ""


def book(id: str, request: Any, rooms: list[Any], at: datetime) -> tuple[Use, list[Event]]:
    """Held, if nobody else has any of it; that is the claims' business."""
    use = _use(id, request, rooms, CONFIRMED, claims_of([room.id for room in rooms], request.start, request.end))
    event = SittingBooked(
        id, request.request_id, request.reference, request.room_id, request.resources, request.start, request.end, at
    )
    return use, [event]


def refuse(id: str, request: Any, rooms: list[Any], reason: str, choices: list[str], at: datetime) -> tuple[Use, list[Event]]:
    """It cannot be; the record claims nothing."""
    use = _use(id, request, rooms, RELEASED, [id])
    return use.but(reason=reason, found_by=[]), [SittingRefused(id, request.request_id, request.reference, reason, choices, at)]


def withdraw(use: Use, choices: list[str], reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """The centre takes it back. Raises Conflict("already_over")."""
    _must_lie_ahead(use, at)
    event = SittingWithdrawn(use.id, use.programme_id, use.title, choices, at)
    return use.become(CANCELLED, claims=[use.id], reason=reason), [event]


def drop(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Its asker does not need it any more."""
    if use.state != CONFIRMED or at >= use.start:
        return use, []
    return use.become(CANCELLED, claims=[use.id], reason="dropped"), []


def choices(rooms: list[Any], start: datetime, end: datetime, busy: set[str], at: datetime) -> list[str]:
    """Up to three free intervals of the same length for all of them together, the nearest first, in the week around."""
    length, offered = end - start, []
    for day in sorted(range(-CHOICE_DAYS_AHEAD, CHOICE_DAYS_AHEAD + 1), key=abs):
        date = (start + timedelta(days=day)).astimezone(rooms[0].zone).date()
        for opens, closes in rooms[0].open_on(date)[0]:
            moment = opens
            while moment + length <= closes:
                free = busy.isdisjoint(claims_of([room.id for room in rooms], moment, moment + length))
                if free and not why_not(rooms, moment, moment + length, at):
                    offered.append(moment)
                moment += QUARTER
    offered.sort(key=lambda moment: (abs(moment - start), moment < start))
    chosen: list[datetime] = []
    for moment in offered:
        if all(abs(moment - other) >= length for other in chosen):
            chosen.append(moment)
    zone = rooms[0].zone
    spans = ((m.astimezone(zone), (m + length).astimezone(zone)) for m in chosen[:CHOICES_A_REFUSAL])
    return [f"{a.isoformat()}/{b.isoformat()}" for a, b in spans]


def window(rooms: list[Any], start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """What must be known to choose: each room or person, and the week around."""
    around = timedelta(days=CHOICE_DAYS_AHEAD + 1)
    return [(room.id, start - around, end + around) for room in rooms]


def _must_lie_ahead(use: Use, at: datetime) -> None:
    if use.state != CONFIRMED or at >= use.start:
        raise Conflict("already_over", "it has begun, or is cancelled")


def _use(id: str, request: Any, rooms: list[Any], state: str, claims: list[str]) -> Use:
    ids = [room.id for room in rooms]
    return Use(
        kind=SITTING,
        state=state,
        room_id=request.room_id,
        room_name="",
        timezone=rooms[0].timezone if rooms else "UTC",
        start=request.start,
        end=request.end,
        resources=ids[1:],
        claims=claims,
        programme_id=request.request_id,
        title=request.reference,
        found_by=[f"kind:{SITTING}", *(f"room:{id}" for id in ids)],
    )
