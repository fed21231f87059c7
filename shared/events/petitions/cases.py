"""Said of petitions: their way through the authorities, and their clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class PetitionFiled(Event):
    """A petition came in. `received_at` may lie before `at`: it was taken down later."""

    petition_id: str
    number: str
    kind: str
    topic: str
    channel: str
    anonymous: bool
    received_at: datetime
    at: datetime


@dataclass(frozen=True)
class PetitionRegistered(Event):
    """It is registered and routed; `authority` is the code of the body responsible for it."""

    petition_id: str
    number: str
    authority: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionAccepted(Event):
    """The authority accepted it; `due` is the ISO date by which it must be handled."""

    petition_id: str
    number: str
    due: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionDeclined(Event):
    """The authority did not accept it."""

    petition_id: str
    number: str
    reason: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionForwarded(Event):
    """It went to another body."""

    petition_id: str
    number: str
    authority: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionForwardSettled(Event):
    """The other body answered: `acknowledged`, `returned`, or `objected` to its jurisdiction."""

    petition_id: str
    number: str
    outcome: str
    authority: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionRedirected(Event):
    """Another legal route is open, and was told (`route`); or a report went to who may look into it (`referred`)."""

    petition_id: str
    number: str
    route: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionExtended(Event):
    """The handling was lengthened once, for the reason of this code; `due` is the new ISO date."""

    petition_id: str
    number: str
    due: str
    reason: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionPaused(Event):
    """A clock stands still (`clock`), for the reason of this code."""

    petition_id: str
    number: str
    clock: str
    reason: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionResumed(Event):
    """A clock goes on; `due` is its new ISO date."""

    petition_id: str
    number: str
    clock: str
    due: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionAnswered(Event):
    """It was decided: `stage` is handle, review, recheck or suggestion."""

    petition_id: str
    number: str
    stage: str
    outcome: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionReplyDelivered(Event):
    """The reply reached the petitioner; the next review may be asked for until `until` (ISO date; "" after the last)."""

    petition_id: str
    number: str
    stage: str
    until: str
    at: datetime


@dataclass(frozen=True)
class PetitionReviewAsked(Event):
    """The petitioner asked for the review (`stage`: review or recheck); `due` is the ISO date of its decision."""

    petition_id: str
    number: str
    stage: str
    due: str
    at: datetime


@dataclass(frozen=True)
class PetitionSupplemented(Event):
    """Something was added to it, by the petitioner or for the case; `internal`: that the petitioner does not see."""

    petition_id: str
    number: str
    role: str
    at: datetime
    internal: bool = False


@dataclass(frozen=True)
class PetitionWithdrawn(Event):
    """The petitioner withdrew it."""

    petition_id: str
    number: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionClosed(Event):
    """It is over, for the reason of this code."""

    petition_id: str
    number: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class PetitionReopened(Event):
    """New facts opened it again."""

    petition_id: str
    number: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionLinked(Event):
    """It is about the same matter and facts as an earlier one, which goes on alone."""

    petition_id: str
    number: str
    first_id: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionRated(Event):
    """The petitioner rated it, 1 to 5; `low` asks for the secretary."""

    petition_id: str
    number: str
    stars: int
    low: bool
    at: datetime


@dataclass(frozen=True)
class PetitionUrgent(Event):
    """It is urgent and was reported upward."""

    petition_id: str
    number: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionHandedOver(Event):
    """Somebody else is in charge of it now; `reason` is assigned or recusal."""

    petition_id: str
    number: str
    reason: str
    role: str
    at: datetime


@dataclass(frozen=True)
class PetitionIdentified(Event):
    """Whoever filed it anonymously has said who they are."""

    petition_id: str
    number: str
    at: datetime


@dataclass(frozen=True)
class SealOpeningAsked(Event):
    """Somebody asked to see a sealed complainant."""

    petition_id: str
    number: str
    role: str
    at: datetime


@dataclass(frozen=True)
class SealOpeningGranted(Event):
    """A second person agreed; the first may look until `until`."""

    petition_id: str
    number: str
    role: str
    until: datetime
    at: datetime


@dataclass(frozen=True)
class SealOpened(Event):
    """The sealed complainant was looked at."""

    petition_id: str
    number: str
    role: str
    at: datetime


@dataclass(frozen=True)
class DeadlineNear(Event):
    """A deadline of a case is the next working day or sooner. `case` is petition, dispute, help or court."""

    case_id: str
    case: str
    number: str
    clock: str
    due: str
    at: datetime


@dataclass(frozen=True)
class DeadlineMissed(Event):
    """A deadline of a case has passed. `level` says who is told: duty_lead, secretary, street_officer."""

    case_id: str
    case: str
    number: str
    clock: str
    due: str
    level: str
    at: datetime


@dataclass(frozen=True)
class DeadlineMoved(Event):
    """A deadline was computed again since the calendar is known now; `before` and `due` are ISO dates."""

    case_id: str
    case: str
    number: str
    clock: str
    before: str
    due: str
    provisional: bool
    at: datetime
