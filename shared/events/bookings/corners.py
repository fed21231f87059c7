"""The places with rules of their own: library, lost property, parlour, and the care of elders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class LoanMade(Event):
    """The copy is lent until `due` (ISO date)."""

    loan_id: str
    copy_id: str
    borrower_id: str
    due: str
    at: datetime


@dataclass(frozen=True)
class LoanRenewed(Event):
    """The loan runs until another `due` (ISO date)."""

    loan_id: str
    borrower_id: str
    due: str
    at: datetime


@dataclass(frozen=True)
class LoanReturned(Event):
    """The copy is back."""

    loan_id: str
    copy_id: str
    borrower_id: str
    at: datetime


@dataclass(frozen=True)
class LoanDueSoon(Event):
    """The loan ends in three days."""

    loan_id: str
    borrower_id: str
    due: str
    at: datetime


@dataclass(frozen=True)
class LoanOverdue(Event):
    """The copy should be back; until it is, its borrower borrows nothing else."""

    loan_id: str
    borrower_id: str
    due: str
    at: datetime


@dataclass(frozen=True)
class ItemFound(Event):
    """Something lost was handed in."""

    item_id: str
    at: datetime


@dataclass(frozen=True)
class ItemClaimed(Event):
    """Its owner described it rightly, signed and took it."""

    item_id: str
    at: datetime


@dataclass(frozen=True)
class ParlourReplied(Event):
    """The secretary answered what a resident brought to the parlour."""

    visit_id: str
    resident_id: str
    at: datetime


@dataclass(frozen=True)
class ParlourReplyOverdue(Event):
    """Five working days after a parlour visit there is still no answer."""

    visit_id: str
    due: str
    at: datetime


@dataclass(frozen=True)
class MealDelivered(Event):
    """The meal reached its elder."""

    delivery_id: str
    elder_id: str
    at: datetime


@dataclass(frozen=True)
class MealUnanswered(Event):
    """Nobody opened when the meal came: somebody must look after the elder. `tell` are the elder's contacts here."""

    delivery_id: str
    elder_id: str
    tell: list[str]
    at: datetime


@dataclass(frozen=True)
class CareVisitPlanned(Event):
    """Somebody will visit the elder."""

    visit_id: str
    elder_id: str
    worker_id: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class CareVisitUnanswered(Event):
    """The visitor found nobody: the duty lead must act. `tell` are the elder's contacts here."""

    visit_id: str
    elder_id: str
    tell: list[str]
    at: datetime
