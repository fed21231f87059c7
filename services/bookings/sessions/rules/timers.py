"""What time itself does to a session: offers lapse, reminders go out, seats are missed, children are late, the end comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.bookings.domain import OPEN, OVER, Use
from services.bookings.sessions.domain import (
    ERASED,
    EVENTS_A_PASS,
    GONE,
    HOURS_BEFORE,
    LATE,
    MISSED,
    OFFERED,
    PRESENT,
    SEAT_KEPT_FOR,
    TAKEN,
    WAITING,
    counts,
    findable,
    marked,
    missed_by,
    place_of,
    promote,
    released,
    said_of,
    step,
    still_here,
    timed_after,
    uncalled,
    unless_hidden,
)
from services.bookings.sessions.rules.reschedule import say_owed
from shared.events.base import Event
from shared.events.bookings import ChildNotCollected, ReminderDue, SessionOver


def pass_time(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """What time itself has changed by now: offers lapse, reminders go out, seats are missed, the end comes. Of what concerns
    many people one by one, as much as one record can say at once; it is due again for the rest."""
    if use.state != OPEN or use.due is None or use.due > at:
        return use, []
    events: list[Event] = []
    for part in (_lapse, say_owed, _remind, _miss, _call_out, _end):
        use, more = part(use, at)
        events += more
    return timed_after((use, events), at)


def _lapse(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    events: list[Event] = []
    for place in [p for p in use.places if p["state"] == OFFERED and p["offered_until"] <= at][:EVENTS_A_PASS]:
        use = step(use, place["n"], GONE, reason="offer_lapsed", offered_until=None)
        events.append(released(use, place, "offer_lapsed", at))
    use, promoted = promote(use, at)
    return findable(use), events + promoted


def _remind(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    come = [hours for hours in HOURS_BEFORE if at >= use.start - timedelta(hours=hours) and hours not in use.reminded]
    tell = sorted({id for p in use.places if p["state"] == TAKEN for id in p["tell"]})
    if not come or at >= use.start or not tell:
        return use, []
    hours, use = come[-1], use.but(reminded=[*use.reminded, *come])
    return use, [ReminderDue(use.id, **said_of(use), tell=tell, hours=hours, at=at)]


def _miss(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Unclaimed seats are released, and go to who waits at the door."""
    missed = [p for p in use.places if p["state"] == TAKEN and counts(use, p)] if at >= use.start + SEAT_KEPT_FOR else []
    return missed_by(use, missed, at) if missed else (use, [])


def _call_out(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Children whom nobody collected."""
    events: list[Event] = []
    for _, stage, place in [call for call in uncalled(use) if call[0] <= at][:EVENTS_A_PASS]:
        use = marked(use, place["n"], called=[*place_of(use, place["n"]).get("called", []), stage])
        minutes = int(LATE[stage].total_seconds()) // 60
        events.append(ChildNotCollected(use.id, place["person"], place["tell"], stage, minutes, at))
    return use, events


def _end(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    if at < use.end or still_here(use):
        return use, []
    attended = [p["person"] for p in use.places if p["state"] == PRESENT and p["person"] != ERASED]
    missed = sum(p["state"] == MISSED for p in use.places)
    places = [p | {"state": GONE, "reason": "session_over"} if p["state"] in (WAITING, OFFERED) else p for p in use.places]
    after = use.become(OVER, places=places)
    return after, [SessionOver(use.id, use.programme_id, use.kind, unless_hidden(use, use.room_id), attended, missed, at)]
