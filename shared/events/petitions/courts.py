"""Said of what goes to the court: confirmations and hearings. Restricted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class ConfirmationAsked(Event):
    """All parties asked the court to confirm their agreement; `due` is the ISO date of its answer whether it accepts."""

    hearing_id: str
    number: str
    due: str
    at: datetime


@dataclass(frozen=True)
class ConfirmationDecided(Event):
    """The court answered: `outcome` is accepted, declined, confirmed or refused."""

    hearing_id: str
    number: str
    outcome: str
    due: str
    at: datetime


@dataclass(frozen=True)
class CourtReferred(Event):
    """A dispute went to the micro-court, both sides having agreed."""

    hearing_id: str
    number: str
    due: str
    at: datetime


@dataclass(frozen=True)
class CourtExtended(Event):
    """The court has longer: until `due` (ISO date)."""

    hearing_id: str
    number: str
    due: str
    at: datetime


@dataclass(frozen=True)
class HearingScheduled(Event):
    """The hearing has its room and its judge; both parties are told of it."""

    hearing_id: str
    number: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class HearingUnscheduled(Event):
    """A hearing does not take place as asked: `reason` is a code of the centre, `no_answer` or `case_over`; `held` where
    its room had been held, and both parties told."""

    hearing_id: str
    number: str
    reason: str
    at: datetime
    held: bool = False


@dataclass(frozen=True)
class HearingOutcomeWritten(Event):
    """The court wrote the outcome: `outcome` is settled, failed, confirmed or refused."""

    hearing_id: str
    number: str
    outcome: str
    at: datetime
