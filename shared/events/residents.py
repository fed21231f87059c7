"""Said by residents: communities, people, accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class CommunityOpened(Event):
    """A community is on the platform; its wall clock is `timezone` (IANA name)."""

    community_id: str
    timezone: str
    street_id: str
    at: datetime


@dataclass(frozen=True)
class CommunityCalendarChanged(Event):
    """On these ISO dates the community's calendar differs from the published one: all of them, each time."""

    community_id: str
    working: list[str]
    off: list[str]
    at: datetime


@dataclass(frozen=True)
class ResidentRegistered(Event):
    """A resident is known to the community, and reads `language` (BCP 47)."""

    resident_id: str
    language: str
    groups: list[str]
    at: datetime


@dataclass(frozen=True)
class ResidentChanged(Event):
    """The resident's record changed; the codes here are the current ones."""

    resident_id: str
    language: str
    groups: list[str]
    at: datetime


@dataclass(frozen=True)
class ResidentErased(Event):
    """The resident's personal data is gone; whoever keeps some must forget it too."""

    resident_id: str
    at: datetime


@dataclass(frozen=True)
class GuardianLinked(Event):
    """The adult may act for the child from now on."""

    child_id: str
    guardian_id: str
    at: datetime


@dataclass(frozen=True)
class GuardianUnlinked(Event):
    """The adult may no longer act for the child."""

    child_id: str
    guardian_id: str
    at: datetime


@dataclass(frozen=True)
class WorkerAppointed(Event):
    """Somebody works for the community in these roles, until `until` where that is set."""

    worker_id: str
    roles: list[str]
    language: str
    at: datetime
    until: datetime | None = None
    unit: str = ""


@dataclass(frozen=True)
class WorkerChanged(Event):
    """A worker's roles or term changed; those here are the current ones."""

    worker_id: str
    roles: list[str]
    language: str
    at: datetime
    until: datetime | None = None
    unit: str = ""


@dataclass(frozen=True)
class SignInCodeRequested(Event):
    """A one-time code waits to be sent. The code itself is fetched over HTTP by who may send it."""

    account_id: str
    code_id: str
    expires_at: datetime
    at: datetime
