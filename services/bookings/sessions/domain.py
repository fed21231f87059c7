"""Sessions and the places in them.

The order is (priority class, arrival number). A freed seat is offered to the first who waits, and counts as taken, until
two hours have passed or one hour is left; within that last hour it is taken at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.bookings.domain import CANCELLED, HELD, OPEN, RELEASED, Person, Use
from shared.events.base import Event
from shared.events.bookings import (
    ChildSignedIn,
    PlaceOffered,
    PlaceReleased,
    PlacesMissed,
    PlaceTaken,
    PlaceVisited,
    PlaceWaitlisted,
    SessionCancelled,
    SessionOpened,
)
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Missing

WAITING, OFFERED, TAKEN, PRESENT, MISSED, GONE = "waiting", "offered", "taken", "present", "missed", "released"
PLACES = {  # what may follow
    WAITING: {OFFERED, TAKEN, GONE},
    OFFERED: {TAKEN, WAITING, GONE},
    TAKEN: {PRESENT, WAITING, MISSED, GONE},  # back to WAITING: its session moved to a smaller room
    PRESENT: set(),
    MISSED: set(),
    GONE: set(),
}
ACTIVE = frozenset({WAITING, OFFERED, TAKEN, PRESENT})
SEATED = frozenset({OFFERED, TAKEN, PRESENT})
KNOWN = ACTIVE | {MISSED}  # whose place the session's staff must know of
PEOPLE_A_SESSION = 500  # seats and waiting together
TAKINGS_A_PERSON = 5  # times that a person may take a place in one session and give it back
ARRIVALS_A_SESSION = 4 * PEOPLE_A_SESSION
ERASED = "erased"
EXTENDED = "延时"  # what the centre calls its hours beyond the office's
OFFER_LIVES = timedelta(hours=2)
LAST_HOUR = timedelta(hours=1)
HOURS_BEFORE = (24, 1)
SEAT_KEPT_FOR = timedelta(minutes=15)  # an unclaimed seat is released this long after the start
# a child not collected: its guardians, then the duty lead
LATE = {"guardian": timedelta(minutes=15), "duty_lead": timedelta(minutes=30)}
# Places that one decision says something of, one by one: the outbox of a record is bounded, and time does the rest.
EVENTS_A_PASS = 40


@dataclass(frozen=True)
class Rules:
    """What one kind of session does. Kinds are data: a new one is a line below."""

    room: bool = True  # claims a room
    waits: bool = True  # has a waiting list
    misses: bool = True  # a seat that nobody came for counts as missed
    cut_off: str = ""  # the wall-clock time of its day after which nothing is ordered or given back
    own_desk: str = ""  # where its places are booked instead, because more belongs to them
    hidden: bool = False  # who attends what is nobody's business: no title in events, "占用" in feeds


KINDS: dict[str, Rules] = {
    "class": Rules(),
    "after_school": Rules(),
    "activity": Rules(),
    "club": Rules(),
    "film": Rules(),
    "lesson": Rules(),
    "parlour": Rules(waits=False, hidden=True, own_desk="/parlour"),
    "counter": Rules(room=False, waits=False, own_desk="/appointments"),
    "meal": Rules(room=False, waits=False, misses=False, cut_off="09:30", own_desk="/meals"),
    "visit": Rules(room=False),
}


# -- what others may know


def place_id(use: Use, place: dict[str, Any]) -> str:
    """`<session>.<n>`."""
    return f"{use.id}.{place['n']}"


def split(id: str) -> tuple[str, int]:
    """The session and the arrival number in a place's id. Raises Missing."""
    session, _, n = id.rpartition(".")
    if not session or not (n.isascii() and n.isdigit()):
        raise Missing("place_missing", "no such place")
    return session, int(n)


def queue(use: Use) -> list[dict[str, Any]]:
    """Those who wait, in order."""
    return sorted((p for p in use.places if p["state"] == WAITING), key=lambda p: (p["rank"], p["n"]))


def seated(use: Use) -> int:
    """How many seats are gone."""
    return sum(p["state"] in SEATED for p in use.places)


def shown(use: Use, place: dict[str, Any]) -> dict[str, Any]:
    """A place as its person sees it."""
    position = next((i for i, p in enumerate(queue(use), start=1) if p["n"] == place["n"]), None)
    return {
        "id": place_id(use, place),
        "session_id": use.id,
        "state": place["state"],
        "position": position,
        "resident_id": place["person"],
        "offered_until": place.get("offered_until"),
        "reason": place.get("reason", ""),
        "kind": use.kind,
        "title": use.title,
        "room_name": use.room_name,
        "extended": use.extended,
        "label": EXTENDED if use.extended else "",
        "uncovered": use.uncovered,
        "start": use.begins,
        "end": use.finishes,
        "checked_in_at": place.get("seen_at"),
    }


def place_of(use: Use, n: int) -> dict[str, Any]:
    """The place with this arrival number. Raises Missing."""
    found: dict[str, Any] | None = next((p for p in use.places if p["n"] == n), None)
    if found is not None:
        return found
    raise Missing("place_missing", "no such place")


def of_person(use: Use, person_id: str) -> dict[str, Any]:
    """The person's newest place. Raises Missing."""
    found: dict[str, Any] | None = next((p for p in reversed(use.places) if p["person"] == person_id), None)
    if found is not None:
        return found
    raise Missing("place_missing", "no such place")


# -- taking and giving back


def take(use: Use, person: Person, tell: list[str], by: str, at: datetime) -> tuple[Use, list[Event]]:
    """A seat, or a place in the line. Raises Conflict: not_open, session_over, cut_off_passed, suspended,
    already_booked, session_full."""
    if at >= use.end:
        raise Conflict("session_over", "it has ended")
    if use.state != OPEN:
        raise Conflict("not_open", "nobody can book it")
    _before_cut_off(use, at)
    if person.suspended_until and person.suspended_until > at:
        raise Conflict("suspended", "too many missed places", until=person.suspended_until.isoformat())
    if mine := next((p for p in use.places if p["person"] == person.id and p["state"] in ACTIVE), None):
        raise Conflict("already_booked", "one place a person", place_id=place_id(use, mine), state=mine["state"])
    if sum(p["person"] == person.id for p in use.places) >= TAKINGS_A_PERSON:
        raise Conflict("too_often", f"at most {TAKINGS_A_PERSON} times")
    line = queue(use)
    free = seated(use) < use.capacity and not line
    full = seated(use) + len(line) >= PEOPLE_A_SESSION or use.arrivals >= ARRIVALS_A_SESSION
    if full or (not free and not KINDS[use.kind].waits):
        raise Conflict("session_full", "no seat is left")
    rank = next((n for n, group in enumerate(use.priority) if group in person.groups), len(use.priority))
    place = {"n": use.arrivals + 1, "person": person.id, "tell": tell, "rank": rank, "at": at, "by": by}
    place |= {"state": TAKEN if free else WAITING, "late": at >= use.start}
    after = use.but(places=[*use.places, place], arrivals=use.arrivals + 1)
    after = findable(after)
    if free:
        return timed(after, at), [place_taken(after, place, "booked", at)]
    return timed(after, at), [waitlisted(after, place, at)]


def _before_cut_off(use: Use, at: datetime) -> None:
    cut_off = KINDS[use.kind].cut_off
    if cut_off and at >= at_clock(use.begins.date(), cut_off, use.zone):
        raise Conflict("cut_off_passed", f"until {cut_off} of the day", cut_off=cut_off)


def confirm(use: Use, n: int, at: datetime) -> tuple[Use, list[Event]]:
    """Accept the seat that was offered. Raises Conflict: not_offered, offer_over."""
    place = place_of(use, n)
    if place["state"] != OFFERED:
        raise Conflict("not_offered", "no seat is kept for you now", state=place["state"])
    if at >= place["offered_until"]:
        raise Conflict("offer_over", "the time to confirm has run out")
    after = step(use, n, TAKEN, offered_until=None)
    return timed(after, at), [place_taken(after, place, "confirmed", at)]


def give_back(use: Use, n: int, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """Give a place back; the next in line gets the seat. Raises Conflict("already_over")."""
    place = place_of(use, n)
    if place["state"] not in (WAITING, OFFERED, TAKEN):
        raise Conflict("already_over", "this place is over", state=place["state"])
    if reason in ("by_resident", "by_worker"):
        _before_cut_off(use, at)
    if reason == "by_resident" and place["state"] == TAKEN and at >= use.start and counts(use, place):
        return timed_after(missed_by(use, [place], at), at)
    after = findable(step(use, n, GONE, reason=reason, offered_until=None))
    after, promoted = promote(after, at)
    return timed(after, at), [released(after, place, reason, at), *promoted]


def give_back_place(use: Use, n: int, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """Give back this very place, if it is still somebody's."""
    held = place_of(use, n)["state"] in (WAITING, OFFERED, TAKEN) and at < use.start
    return give_back(use, n, reason, at) if held else (use, [])


def give_back_of(use: Use, person_id: str, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """Give back what a person holds here, if anything."""
    for place in use.places:
        if place["person"] == person_id and place["state"] in (WAITING, OFFERED, TAKEN) and at < use.start:
            return give_back(use, place["n"], reason, at)
    return use, []


def forget(use: Use, person_id: str, at: datetime) -> tuple[Use, list[Event]]:
    """The person was erased: what lies ahead is given back, and nothing here names them."""
    after, events = give_back_of(use, person_id, "erased", at)
    # A child who was here stands in the way of the end no more.
    return timed(findable(after.but(places=[_without(p, person_id) for p in after.places])), at), events


def _without(place: dict[str, Any], person_id: str) -> dict[str, Any]:
    if place["person"] == person_id:
        return place | {"person": ERASED, "tell": [], "by": ""}
    by = "" if place["by"] == person_id else place["by"]
    return place | {"by": by, "tell": [id for id in place["tell"] if id != person_id]}


def forget_teller(use: Use, person_id: str) -> tuple[Use, list[Event]]:
    """Somebody who booked for another was erased."""
    return use.but(places=[_without(p, person_id) for p in use.places]), []


def retell(use: Use, person_id: str, tell: list[str]) -> tuple[Use, list[Event]]:
    """Others are told of this person's places from now on."""
    places = [p | {"tell": tell} if p["person"] == person_id else p for p in use.places]
    return (use, []) if places == use.places else (use.but(places=places), [])


def promote(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Free seats go to those who wait; what is too much at once is left to time."""
    events: list[Event] = []
    while len(events) < EVENTS_A_PASS and _has_free(use, at):
        first = queue(use)[0]
        until = min(at + OFFER_LIVES, use.start - LAST_HOUR)
        if until <= at:
            use = step(use, first["n"], TAKEN, late=True)  # so late that not coming is no miss
            events.append(place_taken(use, first, "promoted", at))
        else:
            use = step(use, first["n"], OFFERED, offered_until=until)
            about = {k: v for k, v in _about(use, first).items() if k != "programme_id"}
            events.append(PlaceOffered(**about, until=until.astimezone(use.zone), at=at))
    return use, events


def _has_free(use: Use, at: datetime) -> bool:
    """Whether a seat is free that somebody waits for."""
    return at < use.end and seated(use) < use.capacity and bool(queue(use))


# -- being there


def check_in(use: Use, n: int, how: str, at: datetime) -> tuple[Use, list[Event]]:
    """The person is here; a second time changes nothing. Raises Conflict: not_yet, session_over, place_not_taken."""
    place = place_of(use, n)
    if place["state"] == PRESENT:
        return use, []
    if at < use.start - LAST_HOUR:
        raise Conflict("not_yet", "check-in begins an hour before the start")
    if at >= use.end or use.state != OPEN:
        raise Conflict("session_over", "it has ended")
    if place["state"] != TAKEN:
        raise Conflict("place_not_taken", "this place is no seat", state=place["state"])
    after = step(use, n, PRESENT, seen_at=at)
    events: list[Event] = [PlaceVisited(use.id, place_id(use, place), use.programme_id, use.kind, place["person"], how, at)]
    if use.kind == "after_school":
        events.append(ChildSignedIn(use.id, place["person"], place["tell"], at.astimezone(use.zone)))
    return timed(after, at), events


def leave(use: Use, person_id: str, at: datetime) -> tuple[Use, list[Event]]:
    """The child has left the class."""
    place = of_person(use, person_id)
    if place.get("left_at"):
        return use, []
    return timed(marked(use, place["n"], left_at=at), at), []


# -- the centre's hand


def close(use: Use, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """Its programme has ended: it does not take place, whether it was open already or held. With children in it, it goes on
    until each is collected."""
    if use.state == HELD:
        return release(use)
    return cancel(use, reason, at) if use.state == OPEN and at < use.start and not still_here(use) else (use, [])


def open_session(use: Use, at: datetime) -> tuple[Use, list[Event]]:
    """Its programme is published."""
    if use.state != HELD:
        return use, []
    event = SessionOpened(use.id, use.programme_id, use.kind, title_of(use), use.room_id, use.begins, use.finishes, at)
    return timed(findable(use.become(OPEN)), at), [event]


def release(use: Use) -> tuple[Use, list[Event]]:
    """It was held for a programme that was never published."""
    if use.state != HELD:
        return use, []
    return use.become(RELEASED, claims=[use.id], due=None, found_by=[]), []


def cancel(use: Use, reason: str, at: datetime) -> tuple[Use, list[Event]]:
    """It does not take place: everybody in it is told, seats and offers end. Raises Conflict("already_over")."""
    if use.state == CANCELLED:
        raise Conflict("already_cancelled", "it is cancelled already")
    if at >= use.end:
        raise Conflict("already_over", "it has ended")
    if still_here(use):
        raise Conflict("children_present", "children are signed in: each is collected first")
    tell = everybody(use)
    places = [
        p | {"state": GONE, "reason": "session_cancelled", "offered_until": None} if p["state"] in ACTIVE else p
        for p in use.places
    ]
    after = use.become(CANCELLED, claims=[use.id], reason=reason, places=places, due=None)
    return after, [SessionCancelled(use.id, use.programme_id, **said_of(use), tell=tell, reason=reason, at=at)]


# -- time


def timed_after(done: tuple[Use, list[Event]], at: datetime) -> tuple[Use, list[Event]]:
    return timed(done[0].but(due=None), at), done[1]


def counts(use: Use, place: dict[str, Any]) -> bool:
    """Whether not coming is a miss: not for who had the seat at the last moment, or was erased."""
    return KINDS[use.kind].misses and not place.get("late") and place["person"] != ERASED


def missed_by(use: Use, missed: list[dict[str, Any]], at: datetime) -> tuple[Use, list[Event]]:
    for place in missed:
        use = step(use, place["n"], MISSED)
    people, tell = [p["person"] for p in missed], sorted({id for p in missed for id in p["tell"]})
    events: list[Event] = [PlacesMissed(use.id, use.programme_id, **said_of(use), people=people, tell=tell, at=at)]
    use, promoted = promote(findable(use), at)
    return use, events + promoted


def still_here(use: Use) -> list[dict[str, Any]]:
    """Children of an after-school class who have not left; of an erased one nobody can say any more that it did."""
    if use.kind != "after_school":
        return []
    return [p for p in use.places if p["state"] == PRESENT and not p.get("left_at") and p["person"] != ERASED]


def uncalled(use: Use) -> list[tuple[datetime, str, dict[str, Any]]]:
    """Whom to call when about which place, unless the child has left by then."""
    late = ((stage, after, p) for stage, after in LATE.items() for p in still_here(use))
    return [(use.end + after, stage, p) for stage, after, p in late if stage not in p.get("called", [])]


def _moments(use: Use) -> Iterator[datetime]:
    """When time will change something."""
    yield from (p["offered_until"] for p in use.places if p["state"] == OFFERED)
    if any(p["state"] == TAKEN for p in use.places):
        yield from (use.start - timedelta(hours=hours) for hours in HOURS_BEFORE if hours not in use.reminded)
        if KINDS[use.kind].misses:
            yield use.start + SEAT_KEPT_FOR
    yield from (moment for moment, _, _ in uncalled(use))


def _is_behind(use: Use, at: datetime) -> bool:
    """Whether something that has come was too much for one decision."""
    lapsed = any(p["state"] == OFFERED and p["offered_until"] <= at for p in use.places)
    late = any(moment <= at for moment, _, _ in uncalled(use))
    return lapsed or late or _has_free(use, at) or any("owed" in p for p in use.places)


def timed(use: Use, at: datetime) -> Use:
    """With the next moment at which time changes something; one that has come and was not acted on yet stays."""
    if use.state != OPEN:
        return use.but(due=None)
    later = [moment for moment in _moments(use) if moment > at]
    if use.due is not None and use.due <= at:
        later.append(use.due)
    if use.end > at or not still_here(use):
        later.append(max(use.end, at))
    if _is_behind(use, at):
        later.append(at)
    return use.but(due=min(later, default=None))


# -- inside


def step(use: Use, n: int, state: str, **more: Any) -> Use:
    if state not in PLACES[place_of(use, n)["state"]]:
        raise Conflict("illegal_transition", f"{place_of(use, n)['state']} cannot become {state}")
    return marked(use, n, state=state, **more)


def marked(use: Use, n: int, **more: Any) -> Use:
    return use.but(places=[p | more if p["n"] == n else p for p in use.places])


def findable(use: Use) -> Use:
    """With what lists look it up by."""
    people = sorted({p["person"] for p in use.places} - {ERASED})
    rooms = [f"room:{id}" for id in (use.room_id, *use.resources) if id]
    programme = [f"programme:{use.programme_id}"] if use.programme_id else []
    return use.but(found_by=[f"kind:{use.kind}", *rooms, *programme, *(f"person:{id}" for id in people)])


def everybody(use: Use) -> list[str]:
    return sorted({id for p in use.places if p["state"] in ACTIVE for id in p["tell"]})


def title_of(use: Use) -> str:
    return unless_hidden(use, use.title)


def unless_hidden(use: Use, text: str) -> str:
    """What would tell of a hidden session what it is, is not said."""
    return "" if KINDS[use.kind].hidden else text


def said_of(use: Use) -> dict[str, Any]:
    """What an event says of the session itself."""
    room = unless_hidden(use, use.room_name)
    return {"kind": use.kind, "title": title_of(use), "room_name": room, "start": use.begins, "end": use.finishes}


def _about(use: Use, place: dict[str, Any]) -> dict[str, Any]:
    """What every event of a place begins with."""
    return said_of(use) | {
        "session_id": use.id,
        "place_id": place_id(use, place),
        "programme_id": use.programme_id,
        "person_id": place["person"],
        "tell": place["tell"],
    }


def place_taken(use: Use, place: dict[str, Any], how: str, at: datetime) -> Event:
    return PlaceTaken(**_about(use, place), how=how, at=at, extended=use.extended)


def waitlisted(use: Use, place: dict[str, Any], at: datetime) -> Event:
    position = next(i for i, p in enumerate(queue(use), start=1) if p["n"] == place["n"])
    return PlaceWaitlisted(**_about(use, place), position=position, at=at)


def released(use: Use, place: dict[str, Any], reason: str, at: datetime) -> Event:
    return PlaceReleased(**_about(use, place), reason=reason, at=at)
