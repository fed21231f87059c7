"""Rooms, equipment and people who are booked like rooms; and who has them when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.bookings.domain import CANCELLED, CONFIRMED, QUARTER, RESERVATION, Use, check_grid, claims, next_reminder
from shared.events.base import Aggregate, Event
from shared.events.bookings import (
    ReminderDue,
    ReservationCancelled,
    ReservationConfirmed,
    RoomChanged,
    RoomFaultReported,
    RoomOpened,
    RoomRepaired,
)
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Forbidden, Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALTERNATIVES_A_REFUSAL = 3
# Who is there when is nobody's business; and they are booked in their own way: talks, hearings, mediations.
CONFIDENTIAL = frozenset({"counselling", "court", "mediation", "judge", "mediator", "counsellor"})


@dataclass(frozen=True, kw_only=True)
class Room(Aggregate):
    """A room of the centre. It has rules and opening hours, and no price: services are free of charge.

    `hours` maps a weekday to intervals `["08:30", "12:00"]` of local time; a missing day is closed. `exceptions` are
    `{date, hours, reason}`: other hours on one day, closed where they are empty. `slot` is in minutes.
    """

    name: str
    use: str
    capacity: int
    timezone: str
    hours: dict[str, list[list[str]]]
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    slot: int = 30
    rules: str = ""
    bookable: bool = True
    stewards: list[str] = field(default_factory=list)  # a partner's people: they see this room's bookings, and no others
    fault: dict[str, Any] | None = None  # {reason, at} while it is out of order

    @property
    def zone(self) -> ZoneInfo:
        """The community's wall clock."""
        return ZoneInfo(self.timezone)

    def open_on(self, day: date) -> tuple[list[tuple[datetime, datetime]], str]:
        """The intervals in which the room is open that day, and why it is not where there are none."""
        reason = f"closed on {DAYS[day.weekday()]}"
        intervals = self.hours.get(DAYS[day.weekday()], [])
        for exception in self.exceptions:
            if exception["date"] == day.isoformat():
                intervals, reason = exception["hours"], exception["reason"]
        return [(at_clock(day, a, self.zone), at_clock(day, b, self.zone)) for a, b in intervals], reason


# -- rooms


def open_room(id: str, facts: dict[str, Any], timezone: str, at: datetime) -> tuple[Room, list[Event]]:
    """A room that can be booked. Raises Invalid for hours that cannot be."""
    room = Room(**facts, timezone=timezone)
    _check_hours(room)
    return room, [RoomOpened(id, room.use, room.capacity, at)]


def change_room(room: Room, facts: dict[str, Any], at: datetime) -> tuple[Room, list[Event]]:
    """Other rules from now on."""
    changed = room.but(**facts)
    if changed == room:
        return room, []
    _check_hours(changed)
    return changed, [RoomChanged(room.id, changed.use, changed.capacity, at)]


def _check_hours(room: Room) -> None:
    days = [(f"hours.{day}", intervals) for day, intervals in room.hours.items()]
    days += [(f"exceptions.{n}.hours", e["hours"]) for n, e in enumerate(room.exceptions)]
    for where, intervals in days:
        before = "00:00"
        for start, end in intervals:
            if not before <= start < end or int(start[3:]) % 15 or int(end[3:]) % 15:
                raise Invalid("hours_invalid", "intervals in order, on the quarter-hour, without overlap", where)
            before = end


def report_fault(room: Room, reason: str, at: datetime) -> tuple[Room, list[Event]]:
    """It is out of order: nobody books it until it is repaired."""
    if room.fault:
        raise Conflict("fault_known", "this fault is reported already")
    return room.but(fault={"reason": reason, "at": at}), [RoomFaultReported(room.id, at)]


def repair(room: Room, at: datetime) -> tuple[Room, list[Event]]:
    """It works again."""
    return (room.but(fault=None), [RoomRepaired(room.id, at)]) if room.fault else (room, [])


# -- reservations


def reserve(
    id: str, room: Room, resident_id: str, start: datetime, end: datetime, purpose: str, by: str, at: datetime
) -> tuple[Use, list[Event]]:
    """The room for somebody, confirmed at once; that nobody else has it is the claims' business. Raises
    Invalid("not_reservable")."""
    if room.use in CONFIDENTIAL:
        raise Invalid("not_reservable", "it is booked in its own way", "room_id")
    check_times(room, start, end, at)
    use = Use(
        kind=RESERVATION,
        state=CONFIRMED,
        room_id=room.id,
        room_name=room.name,
        timezone=room.timezone,
        start=start,
        end=end,
        resident_id=resident_id,
        purpose=purpose,
        booked_by=by,
        claims=claims(room.id, start, end),
        found_by=[f"kind:{RESERVATION}", f"room:{room.id}", f"person:{resident_id}"],
        due=next_reminder(start, at),
    )
    return use, [ReservationConfirmed(id, room.id, room.name, resident_id, use.begins, use.finishes, at)]


def check_times(room: Room, start: datetime, end: datetime, at: datetime) -> None:
    """Raises Invalid for times that cannot be, and `room_closed`; Conflict("out_of_order")."""
    check_grid(start, end, at)
    if room.fault:
        raise Conflict("out_of_order", "it is out of order at present", reason=room.fault["reason"])
    if not room.bookable:
        raise Invalid("room_closed", "the room is not booked at present", "room_id", reason="not booked at present")
    check_open(room, start, end)


def check_open(room: Room, start: datetime, end: datetime) -> None:
    """Raises Invalid("room_closed") with the reason where the room is not open all that time."""
    intervals, reason = room.open_on(start.astimezone(room.zone).date())
    if not any(opens <= start and end <= closes for opens, closes in intervals):
        hours = ", ".join(f"{a.astimezone(room.zone):%H:%M}-{b.astimezone(room.zone):%H:%M}" for a, b in intervals)
        why = f"open {hours}" if hours else reason
        raise Invalid("room_closed", f"the room is closed then: {why}", "start", reason=why)


def cancel(use: Use, by: str, is_staff: bool, at: datetime) -> tuple[Use, list[Event]]:
    """Free the slots. Raises Forbidden for somebody else's, Conflict("already_over") once it has begun."""
    if not is_staff and by != use.resident_id:
        raise Forbidden("not_yours", "this is somebody else's reservation")
    if use.state == CANCELLED:
        raise Conflict("already_cancelled", "it is cancelled already")
    if at >= use.start:
        raise Conflict("already_over", "it has begun")
    return _release(use, "by_resident" if by == use.resident_id else "by_worker", at)


def forget(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """The person was erased: what they wrote goes, and what lies ahead is free again."""
    if use.state == CONFIRMED and use.start > at:
        use, events = _release(use, "erased", at)
        return use.but(purpose="", resident_id="erased", booked_by="", found_by=use.found_by[:2]), events
    return use.but(purpose="", resident_id="erased", booked_by="", found_by=use.found_by[:2]), []


def remind(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """The day before and the hour before."""
    if use.state != CONFIRMED or use.due is None or use.due > at:
        return use, []
    events: list[Event] = [reminder(use, [use.resident_id], at)] if at < use.start else []
    return use.but(due=next_reminder(use.start, at)), events


def reminder(use: Use, tell: list[str], at: datetime) -> ReminderDue:
    """The reminder that is due now."""
    hours = 24 if use.start - at > timedelta(hours=1, minutes=30) else 1
    return ReminderDue(use.id, use.kind, use.title, use.room_name, tell, use.begins, use.finishes, hours, at)


def _release(use: Use, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    event = ReservationCancelled(use.id, use.room_id, use.room_name, use.resident_id, use.begins, use.finishes, reason, at)
    return use.become(CANCELLED, claims=[use.id], reason=reason, due=None), [event]


# -- what is free


def day_claims(room: Room, day: date) -> list[str]:
    """Every quarter-hour of the room's opening hours on that day."""
    return [claim for start, end in room.open_on(day)[0] for claim in claims(room.id, start, end)]


def availability(room: Room, day: date, busy: set[str], at: datetime) -> list[dict[str, Any]]:
    """The day's slots: `{start, end, available, reason?}`; `busy` holds the claims that are taken."""
    slots = []
    for opens, closes in room.open_on(day)[0]:
        start = opens
        while start + timedelta(minutes=room.slot) <= closes:
            end = start + timedelta(minutes=room.slot)
            slot: dict[str, Any] = {"start": start, "end": end, "available": True}
            if not room.bookable or room.fault:
                slot |= {"available": False, "reason": "out_of_order" if room.fault else "closed"}
            elif start < at:
                slot |= {"available": False, "reason": "past"}
            elif not busy.isdisjoint(claims(room.id, start, end)):
                slot |= {"available": False, "reason": "taken"}
            slots.append(slot)
            start = end
    return slots


def alternatives(
    wanted: Room, others: list[Room], start: datetime, end: datetime, busy: set[str], at: datetime, along: Sequence[Room] = ()
) -> list[dict[str, Any]]:
    """Up to three free choices of the same length: the nearest times in the wanted room that day, and other rooms that
    hold as many people at the wanted time; each when all that is needed `along` with the room (people, equipment) is free."""
    length = end - start
    choices: list[tuple[timedelta, Room, datetime]] = []
    for opens, closes in wanted.open_on(start.astimezone(wanted.zone).date())[0]:
        moment = opens
        while moment + length <= closes:
            free = moment >= at and busy.isdisjoint(claims(wanted.id, moment, moment + length))
            if free and all(_can_come(one, moment, moment + length, busy) for one in along):
                choices.append((abs(moment - start), wanted, moment))
            moment += QUARTER
    # A later start is better than an earlier one that is as far away: people come after, not before.
    choices.sort(key=lambda choice: (choice[0], choice[2] < start))
    there = all(_can_come(one, start, end, busy) for one in along)
    same_time = [(timedelta(), room, start) for room in others if there and _is_free(room, start, end, busy, at)]
    apart = _apart(choices, length)
    chosen = (apart[:2] + same_time[:1] + apart[2:] + same_time[1:])[:ALTERNATIVES_A_REFUSAL]
    return [
        {
            "room_id": room.id,
            "room_name": room.name,
            "start": begin.astimezone(room.zone).isoformat(),
            "end": (begin + length).astimezone(room.zone).isoformat(),
        }
        for _, room, begin in chosen
    ]


def _apart(found: list[tuple[timedelta, Room, datetime]], length: timedelta) -> list[tuple[timedelta, Room, datetime]]:
    """The nearest choices that do not overlap each other: three real ones, not one and its neighbours."""
    chosen: list[tuple[timedelta, Room, datetime]] = []
    for choice in found:
        if all(abs(choice[2] - other[2]) >= length for other in chosen):
            chosen.append(choice)
    return chosen


def _is_free(room: Room, start: datetime, end: datetime, busy: set[str], at: datetime) -> bool:
    try:
        check_times(room, start, end, at)
    except (Invalid, Conflict):
        return False
    return busy.isdisjoint(claims(room.id, start, end))


def _can_come(one: Room, start: datetime, end: datetime, busy: set[str]) -> bool:
    """Whether somebody or something that is needed too can be had then; a fault of today says nothing about a date ahead."""
    try:
        check_open(one, start, end)
    except Invalid:
        return False
    return one.bookable and busy.isdisjoint(claims(one.id, start, end))


def comparable(wanted: Room, rooms: list[Room]) -> list[Room]:
    """Other rooms that are for the same use and hold at least as many, the smallest first."""
    fit = [r for r in rooms if r.id != wanted.id and r.capacity >= wanted.capacity and r.use == wanted.use and r.bookable]
    return sorted(fit, key=lambda r: r.capacity)[:5]
