"""Said by residents: communities, people, accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

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
    at: datetime


@dataclass(frozen=True)
class ResidentChanged(Event):
    """The resident's record changed; the language here is the current one."""

    resident_id: str
    language: str
    at: datetime


@dataclass(frozen=True)
class ResidentGroupsChanged(Event):
    """The resident belongs to these groups now. Some say what is nobody's business: a party, an income, a disability."""

    restricted: ClassVar[bool] = True

    resident_id: str
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
    """Somebody works for the community in these roles, until `until` where that is set; who gave them."""

    worker_id: str
    roles: list[str]
    language: str
    at: datetime
    until: datetime | None = None
    unit: str = ""
    appointed_by: str = ""
    confirmed_by: str = ""


@dataclass(frozen=True)
class WorkerChanged(Event):
    """A worker's roles or term changed; those here are the current ones, and who gave what is new of them."""

    worker_id: str
    roles: list[str]
    language: str
    at: datetime
    until: datetime | None = None
    unit: str = ""
    appointed_by: str = ""
    confirmed_by: str = ""


@dataclass(frozen=True)
class RoleProposed(Event):
    """Somebody is to have a role that sees secrets; it holds once another person has confirmed it."""

    worker_id: str
    role: str
    by: str
    at: datetime


@dataclass(frozen=True)
class SignInCodeAsked(Event):
    """Somebody wants a one-time code; whether any account is meant is not known yet."""

    attempt_id: str
    at: datetime


@dataclass(frozen=True)
class SignInCodeRequested(Event):
    """A one-time code waits to be sent by this channel ("text", "mail"). The code itself is fetched over HTTP by who may send
    it."""

    account_id: str
    code_id: str
    expires_at: datetime
    at: datetime
    channel: str = "mail"


@dataclass(frozen=True)
class ActivationRequested(Event):
    """A code that opens a membership waits to be sent to the person's contact, by this channel."""

    activation_id: str
    code_id: str
    expires_at: datetime
    at: datetime
    channel: str


@dataclass(frozen=True)
class ChannelCodeRequested(Event):
    """A code waits to be sent to the address that an account's owner wants to be reached at, by this channel."""

    account_id: str
    code_id: str
    expires_at: datetime
    at: datetime
    channel: str


@dataclass(frozen=True)
class AccountNoticeDue(Event):
    """The owner of an account is to be told of a change in it, on each of these channels ("text:<id>", "mail:<id>"). `until`
    is when it comes into force, where it can still be stopped."""

    account_id: str
    notice: str
    channels: list[str]
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class MembershipAccepted(Event):
    """The owner of an account is this person of the community, and may sign in there."""

    account_id: str
    community_id: str
    person_id: str
    at: datetime


@dataclass(frozen=True)
class AccessRevoked(Event):
    """Tokens are void from now on: those of these sessions; and, where a community is named, those of the account that open
    it with an older generation than this."""

    account_id: str
    sessions: list[str]
    community_id: str
    generation: int
    at: datetime
