"""Programmes, their sessions, and people's places in them.

`tell` lists who is to be told: the person, or a child's guardians. `title` is the programme's, "" where it is confidential.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class ProgrammePublished(Event):
    """The programme's sessions, held until now under `hold`, are open for booking."""

    programme_id: str
    kind: str
    title: str
    room_id: str
    hold: str
    at: datetime


@dataclass(frozen=True)
class ProgrammeExtended(Event):
    """More of the programme's sessions are open: those up to `until` (ISO date)."""

    programme_id: str
    hold: str
    until: str
    at: datetime


@dataclass(frozen=True)
class ProgrammeEnded(Event):
    """The programme has no sessions any more after this moment."""

    programme_id: str
    at: datetime


@dataclass(frozen=True)
class SessionOpened(Event):
    """People can take places in it."""

    session_id: str
    programme_id: str
    kind: str
    title: str
    room_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class SessionClashed(Event):
    """A date of the programme could not be held because somebody else has the room then."""

    programme_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class SessionCancelled(Event):
    """The centre cancelled it; every place in it is given back. `reason` is a code."""

    session_id: str
    programme_id: str
    kind: str
    title: str
    room_name: str
    start: datetime
    end: datetime
    tell: list[str]
    reason: str
    at: datetime


@dataclass(frozen=True)
class SessionMoved(Event):
    """It takes place at another time or in another room; places moved with it."""

    session_id: str
    programme_id: str
    kind: str
    title: str
    room_id: str
    room_name: str
    start: datetime
    end: datetime
    tell: list[str]
    at: datetime


@dataclass(frozen=True)
class SessionOver(Event):
    """It has ended: so many were there, so many places were missed."""

    session_id: str
    programme_id: str
    kind: str
    room_id: str
    attended: list[str]
    missed: int
    at: datetime


@dataclass(frozen=True)
class PlaceTaken(Event):
    """The seat is the person's. `how`: booked, confirmed (an offer) or promoted (from the waiting list). `extended`: beyond
    office hours."""

    session_id: str
    place_id: str
    programme_id: str
    kind: str
    title: str
    room_name: str
    person_id: str
    tell: list[str]
    start: datetime
    end: datetime
    how: str
    at: datetime
    extended: bool = False


@dataclass(frozen=True)
class PlaceWaitlisted(Event):
    """All seats are taken; the person waits, at this position."""

    session_id: str
    place_id: str
    programme_id: str
    kind: str
    title: str
    room_name: str
    person_id: str
    tell: list[str]
    start: datetime
    end: datetime
    position: int
    at: datetime


@dataclass(frozen=True)
class PlaceOffered(Event):
    """A seat is kept for the person until `until`; unconfirmed, it goes to the next."""

    session_id: str
    place_id: str
    kind: str
    title: str
    room_name: str
    person_id: str
    tell: list[str]
    start: datetime
    end: datetime
    until: datetime
    at: datetime


@dataclass(frozen=True)
class PlaceReleased(Event):
    """The place is given back. `reason`: by_resident, by_worker, offer_lapsed, over_limit, consent_withdrawn, erased."""

    session_id: str
    place_id: str
    programme_id: str
    kind: str
    title: str
    room_name: str
    person_id: str
    tell: list[str]
    start: datetime
    end: datetime
    reason: str
    at: datetime


@dataclass(frozen=True)
class PlaceVisited(Event):
    """The person is there. `how`: code or worker."""

    session_id: str
    place_id: str
    programme_id: str
    kind: str
    person_id: str
    how: str
    at: datetime


@dataclass(frozen=True)
class PlacesMissed(Event):
    """These people did not come; their seats were released. `tell` names whom to tell of it."""

    session_id: str
    programme_id: str
    kind: str
    title: str
    room_name: str
    people: list[str]
    tell: list[str]
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class BookingSuspended(Event):
    """After too many missed places the person books nothing until `until`."""

    resident_id: str
    until: datetime
    at: datetime


@dataclass(frozen=True)
class LessonCredited(Event):
    """The person attended the lesson; it counts once."""

    resident_id: str
    session_id: str
    at: datetime
