"""The centre moves a session: its places follow, and each whose own place changes by it is told of that, a few at a time."""

from __future__ import annotations

from datetime import datetime

from services.bookings.domain import OPEN, Use, claims_of
from services.bookings.sessions.domain import (
    EVENTS_A_PASS,
    LAST_HOUR,
    OFFERED,
    PRESENT,
    SEATED,
    TAKEN,
    WAITING,
    everybody,
    findable,
    marked,
    place_taken,
    promote,
    said_of,
    step,
    timed,
    unless_hidden,
    waitlisted,
)
from shared.events.base import Event
from shared.events.bookings import SessionMoved
from shared.rules.errors import Conflict


def move(
    use: Use, start: datetime, end: datetime, room_id: str, room_name: str, capacity: int, at: datetime
) -> tuple[Use, list[Event]]:
    """Another time or room; places follow, the last seats of a smaller room go back to the head of the line. What is offered
    is taken at once where less than an hour is left to confirm it."""
    if use.state != OPEN or at >= use.start:
        raise Conflict("already_over", "it has begun, or is not open")
    if any(p["state"] == PRESENT for p in use.places):
        raise Conflict("already_checked_in", "people are here already")
    after = use.but(
        reminded=[],
        start=start,
        end=end,
        room_id=room_id,
        room_name=room_name,
        capacity=capacity,
        claims=claims_of([room_id, *use.resources], start, end) or [use.id],
    )
    seats = sorted((p for p in after.places if p["state"] in SEATED), key=lambda p: (p["rank"], p["n"]))
    for place in seats[capacity:]:
        after = step(after, place["n"], WAITING, offered_until=None, owed=WAITING)
    # An offer that has lapsed already is turned by time.
    for place in [p for p in after.places if p["state"] == OFFERED and p["offered_until"] > at]:
        until = min(place["offered_until"], start - LAST_HOUR)
        if until > at:
            after = marked(after, place["n"], offered_until=until)
        else:
            after = step(after, place["n"], TAKEN, offered_until=None, late=True, owed=TAKEN)
    after, promoted = promote(findable(after), at)
    event = SessionMoved(
        use.id, use.programme_id, room_id=unless_hidden(use, room_id), **said_of(after), tell=everybody(use), at=at
    )
    after, more = say_owed(after, at)
    return timed(after, at), [event, *more, *promoted]


def say_owed(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Tell the next few of those whose place the move has changed what it is now."""
    owed = [p for p in use.places if "owed" in p][:EVENTS_A_PASS]
    # Who has given the place back meanwhile, or is here, knows.
    news = [p for p in owed if p["state"] == p["owed"]]
    events = [waitlisted(use, p, at) if p["state"] == WAITING else place_taken(use, p, "promoted", at) for p in news]
    done = {p["n"] for p in owed}
    places = [{k: v for k, v in p.items() if k != "owed"} if p["n"] in done else p for p in use.places]
    return use.but(places=places) if owed else use, events
