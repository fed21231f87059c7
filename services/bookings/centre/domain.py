"""The centre as a building: its site, its floors, what its area is for, and how its rooms are used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from services.bookings.domain import CANCELLED, HELD, RELEASED, Use
from services.bookings.sessions.domain import MISSED, PRESENT, SEATED
from shared.events.base import Aggregate, Event
from shared.events.bookings import PlanPublished, ServiceShareFell
from shared.rules.errors import Invalid

SERVICE, OFFICE = "service", "office"
LEAST_SHARE = Fraction(97, 100)
IDLE_FOR = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Centre(Aggregate):
    """`areas` are `{name, floor, use, square_metres, room_id?}`, `history` `{on, text}`, `plan` is `{poll_id, rooms, at}`."""

    site: str = ""
    opened_on: str = ""
    floors: int = 0
    areas: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, str]] = field(default_factory=list)
    plan: dict[str, Any] | None = None


def share(centre: Centre) -> Fraction | None:
    """The part of the area that serves residents, unrounded; None where no area is known."""
    total = sum(Fraction(str(a["square_metres"])) for a in centre.areas)
    if not total:
        return None
    return sum((Fraction(str(a["square_metres"])) for a in centre.areas if a["use"] == SERVICE), Fraction()) / total


def is_low(centre: Centre) -> bool:
    """Whether less than 97 % serves residents: of the exact figure, not of the one that is shown."""
    part = share(centre)
    return part is not None and part < LEAST_SHARE


def describe(centre: Centre, facts: dict[str, Any], at: datetime) -> tuple[Centre, list[Event]]:
    """What the centre is like now. Raises Invalid for an area on a floor that it does not have."""
    after = centre.but(**facts)
    for n, area in enumerate(after.areas):
        if not 1 <= area["floor"] <= after.floors:
            raise Invalid("floor_unknown", f"it has {after.floors} floors", f"areas.{n}.floor")
    part = share(after)
    fell = is_low(after) and not is_low(centre)
    return after, [ServiceShareFell(centre.id, round(float(part) * 100, 4), at)] if fell and part is not None else []


def publish_plan(centre: Centre, poll_id: str, rooms: list[dict[str, str]], at: datetime) -> tuple[Centre, list[Event]]:
    """What the rooms are for, as the residents' poll asked."""
    plan = {"poll_id": poll_id, "rooms": rooms, "at": at}
    return centre.but(plan=plan), [PlanPublished(centre.id, poll_id, at)]


# -- reports


def of_rooms(
    rooms: Iterable[Any],
    uses: dict[str, list[Use]],
    visits: dict[str, int],
    last: dict[str, datetime | None],
    since: datetime,
    before: datetime,
    at: datetime,
) -> list[dict[str, Any]]:
    """A line a room: hours open and used between two times, the rate, visits, and whether nobody came for 30 days."""
    lines = []
    for room in rooms:
        took_place = [u for u in uses[room.id] if u.state not in (CANCELLED, HELD, RELEASED)]
        used = sum((min(u.end, before) - max(u.start, since) for u in took_place), timedelta())
        opened, day = timedelta(), since
        while day < before:
            opened += sum((b - a for a, b in room.open_on(day.astimezone(room.zone).date())[0]), timedelta())
            day += timedelta(days=1)
        seen = sum(sum(p["state"] == PRESENT for p in u.places) for u in took_place) + visits[room.id]
        newest = last[room.id]
        lines.append(
            {
                "room_id": room.id,
                "room": room.name,
                "uses": len(took_place),
                "visits": seen,
                "open_hours": round(opened / timedelta(hours=1), 2),
                "used_hours": round(used / timedelta(hours=1), 2),
                "rate": round(used / opened, 4) if opened else None,
                "idle": newest is None or at - newest > IDLE_FOR,
            }
        )
    return lines


def of_programmes(uses: Iterable[Use]) -> list[dict[str, Any]]:
    """A line a programme: sessions, seats, seats taken, people who came."""
    lines: dict[str, dict[str, Any]] = {}
    for use in uses:
        if not use.programme_id or use.state in (CANCELLED, HELD, RELEASED):
            continue
        empty = {"programme_id": use.programme_id, "title": use.title, "sessions": 0, "seats": 0, "taken": 0, "attended": 0}
        line = lines.setdefault(use.programme_id, empty)
        line["sessions"] += 1
        line["seats"] += use.capacity
        # A seat that was missed was taken; and it may have gone to somebody at the door, who is no second seat.
        line["taken"] += min(use.capacity, sum(p["state"] in SEATED | {MISSED} for p in use.places))
        line["attended"] += sum(p["state"] == PRESENT for p in use.places)
    for line in lines.values():
        line["rate"] = round(line["taken"] / line["seats"], 4) if line["seats"] else None
    return list(lines.values())


# -- feeds


@dataclass(frozen=True, kw_only=True)
class Feed(Aggregate):
    """A secret address at which somebody's calendar is read; its id is a hash of the secret."""

    person: str = ""
    revoked: bool = False


def open_feed(id: str, person: str) -> tuple[Feed, list[Event]]:
    """An address that nobody can guess."""
    return Feed(person=person), []


def revoke_feed(feed: Feed) -> tuple[Feed, list[Event]]:
    """It shows nothing any more."""
    return feed.but(revoked=True), []
