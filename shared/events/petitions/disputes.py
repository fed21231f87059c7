"""Said of disputes: mediation, agreement, performance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class DisputeOpened(Event):
    """A dispute is to be mediated. `petition_id` is the petition that it began as, or ""."""

    dispute_id: str
    number: str
    kind: str
    petition_id: str
    at: datetime


@dataclass(frozen=True)
class DisputeMediatorsSet(Event):
    """Who mediates is set; `chosen` where the parties chose."""

    dispute_id: str
    number: str
    chosen: bool
    role: str
    at: datetime


@dataclass(frozen=True)
class MediatorsProposed(Event):
    """A party chose mediators; `agreed` where all parties chose the same, who are then set."""

    dispute_id: str
    number: str
    agreed: bool
    at: datetime


@dataclass(frozen=True)
class DisputeNoted(Event):
    """Something was written down; `shared` where the parties can read it."""

    dispute_id: str
    number: str
    role: str
    shared: bool
    at: datetime


@dataclass(frozen=True)
class MediationScheduled(Event):
    """The room for a mediation is held; the parties are told of it."""

    dispute_id: str
    number: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class MediationUnscheduled(Event):
    """A mediation does not take place as asked: `reason` is a code of the centre, `no_answer` or `case_over`; `held` where
    its room had been held, and the parties told."""

    dispute_id: str
    number: str
    reason: str
    at: datetime
    held: bool = False


@dataclass(frozen=True)
class AgreementTextChanged(Event):
    """The draft agreement has another text; earlier signatures are void."""

    dispute_id: str
    number: str
    digest: str
    at: datetime


@dataclass(frozen=True)
class AgreementSigned(Event):
    """One more signature is on the agreement: of a party, the mediator or the committee (`by`)."""

    dispute_id: str
    number: str
    by: str
    digest: str
    at: datetime


@dataclass(frozen=True)
class AgreementEffective(Event):
    """The agreement binds. `form` is oral or written; `until` is the last ISO date to ask for confirmation, or ""."""

    dispute_id: str
    number: str
    form: str
    until: str
    at: datetime


@dataclass(frozen=True)
class PerformanceRecorded(Event):
    """Whether the agreement is kept: `outcome` is performed, partly or refused."""

    dispute_id: str
    number: str
    outcome: str
    at: datetime


@dataclass(frozen=True)
class DisputeEnded(Event):
    """The mediation is over: `outcome` is performed, refused, failed or withdrawn."""

    dispute_id: str
    number: str
    outcome: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class DangerReported(Event):
    """Danger in a dispute was reported to the police liaison at `at`."""

    dispute_id: str
    number: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class DangerAcknowledged(Event):
    """The police liaison has what was reported."""

    dispute_id: str
    number: str
    at: datetime


@dataclass(frozen=True)
class CourtConsentGiven(Event):
    """A party agrees that the micro-court takes it; `missing` others did not yet."""

    dispute_id: str
    number: str
    missing: int
    at: datetime


@dataclass(frozen=True)
class DisputeReferred(Event):
    """The dispute goes to the micro-court, whose own matter speaks elsewhere."""

    dispute_id: str
    number: str
    at: datetime


@dataclass(frozen=True)
class ConfirmationApplied(Event):
    """A party applied for confirmation; `missing` others may until `until` (ISO date)."""

    dispute_id: str
    number: str
    missing: int
    until: str
    at: datetime


@dataclass(frozen=True)
class ConfirmationReminderDue(Event):
    """The parties may still ask the court for confirmation, until `until` (ISO date), `days` from now."""

    dispute_id: str
    number: str
    until: str
    days: int
    at: datetime


@dataclass(frozen=True)
class DisputeRated(Event):
    """A party rated the mediation, 1 to 5; `low` asks for the secretary."""

    dispute_id: str
    number: str
    stars: int
    low: bool
    at: datetime
