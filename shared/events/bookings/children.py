"""The after-school class. Children and adults are ids; who may collect a child is never in an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class ChildEnrolled(Event):
    """A guardian agreed that the child attends the programme (个人信息保护法 art. 31)."""

    enrolment_id: str
    child_id: str
    programme_id: str
    at: datetime


@dataclass(frozen=True)
class ConsentWithdrawn(Event):
    """The guardian's consent is withdrawn (art. 15); the child's places from now on are given back."""

    enrolment_id: str
    child_id: str
    programme_id: str
    at: datetime


@dataclass(frozen=True)
class ClassStaffed(Event):
    """The duty lead named the adults of a session; `short` where an exception stands for missing ones."""

    session_id: str
    adults: list[str]
    short: bool
    at: datetime


@dataclass(frozen=True)
class ClassOpened(Event):
    """The class has begun with its children and adults present."""

    session_id: str
    children: int
    adults: int
    at: datetime


@dataclass(frozen=True)
class ChildSignedIn(Event):
    """The child has arrived; `tell` are the guardians."""

    session_id: str
    child_id: str
    tell: list[str]
    at: datetime


@dataclass(frozen=True)
class CollectorRefused(Event):
    """Somebody who is not on the child's list wanted to collect it; the guardians must know at once."""

    pickup_id: str
    session_id: str
    child_id: str
    tell: list[str]
    at: datetime


@dataclass(frozen=True)
class CollectorApproved(Event):
    """A guardian allowed one collector for one child on one day."""

    pickup_id: str
    child_id: str
    by: str
    at: datetime


@dataclass(frozen=True)
class ChildLeft(Event):
    """The child has left. `how`: collector, approved (once) or alone."""

    pickup_id: str
    session_id: str
    child_id: str
    tell: list[str]
    how: str
    at: datetime


@dataclass(frozen=True)
class ChildNotCollected(Event):
    """The class is over and the child still here. `stage`: guardian (15 minutes) or duty_lead (30 minutes)."""

    session_id: str
    child_id: str
    tell: list[str]
    stage: str
    minutes: int
    at: datetime


@dataclass(frozen=True)
class ChildAbsentAgain(Event):
    """The child was absent so many times running."""

    enrolment_id: str
    child_id: str
    tell: list[str]
    times: int
    at: datetime
