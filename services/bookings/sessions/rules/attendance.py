"""What becomes of people's attendance: missed places, suspension, credits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.bookings.domain import Person
from shared.events.base import Event
from shared.events.bookings import BookingSuspended, LessonCredited
from shared.rules.errors import Missing


@dataclass(frozen=True)
class Limits:
    """So many missed places within so many days suspend booking for so many days."""

    misses: int = 3
    within: timedelta = timedelta(days=30)
    suspended: timedelta = timedelta(days=14)

    @classmethod
    def parse(cls, text: str) -> Limits:
        """From "misses/days/days suspended". Raises ValueError for anything else."""
        if not re.fullmatch(r"[1-9]\d{0,3}(/[1-9]\d{0,3}){2}", text, re.ASCII):
            raise ValueError(f"{text!r} is not misses/days/days suspended, as in 3/30/14")
        misses, within, suspended = (int(n) for n in text.split("/"))
        return cls(misses, timedelta(days=within), timedelta(days=suspended))


def miss(person: Person, session_id: str, start: datetime, limits: Limits, at: datetime) -> tuple[Person, list[Event]]:
    """The person did not come. Too many times, and they book nothing for a while; a child never is suspended."""
    if any(m["session"] == session_id for m in person.misses):
        return person, []
    kept = [m for m in person.misses if m["at"] > at - timedelta(days=366)]
    person = person.but(misses=[*kept, {"session": session_id, "at": start, "waived": False}])
    if person.is_child or len(_counted(person, limits, at)) < limits.misses:
        return person, []
    until = at + limits.suspended
    return person.but(suspended_until=until), [BookingSuspended(person.id, until.astimezone(start.tzinfo), at)]


def waive(person: Person, session_id: str, limits: Limits, at: datetime) -> tuple[Person, list[Event]]:
    """One missed place is forgiven; a suspension that rested on it ends. Raises Missing("miss_missing")."""
    if not any(m["session"] == session_id for m in person.misses):
        raise Missing("miss_missing", "no such place was missed")
    misses = [m | {"waived": True} if m["session"] == session_id else m for m in person.misses]
    person = person.but(misses=misses)
    return (person, []) if len(_counted(person, limits, at)) >= limits.misses else (person.but(suspended_until=None), [])


def _counted(person: Person, limits: Limits, at: datetime) -> list[object]:
    return [m for m in person.misses if not m["waived"] and m["at"] > at - limits.within]


def credit(person: Person, session_id: str, at: datetime) -> tuple[Person, list[Event]]:
    """The lesson counts once, however often the person was scanned."""
    if session_id in person.credits:
        return person, []
    return person.but(credits=[*person.credits, session_id]), [LessonCredited(person.id, session_id, at)]
