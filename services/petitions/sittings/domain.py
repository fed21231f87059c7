"""Rooms and judges asked of the centre, by event. A request names no case: it has a reference that means nothing outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.petitions import SittingDropped, SittingRequested

ASKED, BOOKED, REFUSED, DROPPED = "asked", "booked", "refused", "dropped"
ANSWER_AWAITED_FOR = timedelta(seconds=60)
NO_ANSWER = "no_answer"
_LATER = {ASKED: 0, BOOKED: 1, REFUSED: 2, DROPPED: 2}


@dataclass(frozen=True, kw_only=True)
class Sitting(Aggregate):
    """One request; its id is what the centre answers to. `case` and `case_id` say what it is for, here alone."""

    LIFECYCLE: ClassVar = {
        ASKED: {BOOKED, REFUSED, DROPPED},
        BOOKED: {DROPPED, REFUSED},
        REFUSED: set(),
        DROPPED: set(),
    }

    case: str
    case_id: str
    reference: str
    room_id: str
    start: datetime
    end: datetime
    resources: list[str] = field(default_factory=list)
    state: str = ASKED
    reason: str = ""
    choices: list[str] = field(default_factory=list)
    due: datetime | None = None


Decided = tuple[Sitting, list[Event]]


def request(id: str, facts: dict[str, Any], at: datetime) -> Decided:
    """The centre is asked; within a minute it answers, or nobody waits any longer."""
    made = Sitting(id=id, due=at + ANSWER_AWAITED_FOR, **facts)
    event = SittingRequested(id, made.reference, made.room_id, made.resources, made.start, made.end, at)
    return made, [event]


def booked(sitting: Sitting, at: datetime) -> Decided:
    """The centre holds it. One that nobody waits for any more is given back."""
    if sitting.state == ASKED:
        return sitting.become(BOOKED, due=None), []
    return sitting, [SittingDropped(sitting.id, at)] if sitting.state == DROPPED else []


def refused(sitting: Sitting, reason: str, choices: list[str]) -> Decided:
    """The centre cannot, or takes it back."""
    if sitting.state in (REFUSED, DROPPED):
        return sitting, []
    return sitting.become(REFUSED, due=None, reason=reason, choices=choices), []


def drop(sitting: Sitting, reason: str, at: datetime) -> Decided:
    """Not needed any more."""
    if sitting.state in (REFUSED, DROPPED):
        return sitting, []
    return sitting.become(DROPPED, due=None, reason=reason), [SittingDropped(sitting.id, at)]


def give_up(sitting: Sitting, at: datetime) -> Decided:
    """Nobody waits for the centre's answer any longer, where none came."""
    if sitting.state != ASKED:
        return sitting, []
    # Its time stays until its case has heard of it: a crash in between must not leave the case waiting for ever.
    return sitting.become(DROPPED, reason=NO_ANSWER), [SittingDropped(sitting.id, at)]


def heard(sitting: Sitting) -> Decided:
    """Its case knows; time has nothing to do here any more."""
    return (sitting.but(due=None), []) if sitting.due is not None and sitting.state != ASKED else (sitting, [])


def is_news(known: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether this is later than what a case knows of a sitting: news may come twice, and out of order."""
    return known is None or _LATER[facts["state"]] > _LATER[known["state"]]


def unneeded(sittings: Mapping[str, Mapping[str, Any]], over: bool, current: str, at: datetime) -> list[str]:
    """Those of a case that hold a room to come for nothing: all, once it is over; what another one replaced."""
    return [
        id
        for id, known in sittings.items()
        if known["start"] > at
        and ((over and known["state"] in (ASKED, BOOKED)) or (current not in ("", id) and known["state"] == BOOKED))
    ]
