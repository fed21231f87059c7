"""Elder care: the file, its assessment (GB/T 42195-2022), visits, and meals to the door. All of it is health data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shared.events.base import Aggregate, Event
from shared.events.bookings import CareVisitPlanned, CareVisitUnanswered, MealDelivered, MealUnanswered
from shared.rules.errors import Conflict, Forbidden, Invalid

# GB/T 42195-2022: from this score up the elder is …
LEVELS = ((90, "able"), (66, "mild"), (46, "moderate"), (30, "severe"), (0, "total"))
PLANNED, DONE, UNANSWERED, CANCELLED = "planned", "done", "unanswered", "cancelled"
DELIVERED = "delivered"


@dataclass(frozen=True, kw_only=True)
class Elder(Aggregate):
    """An elder in the community's care. `assessments` are `{score, level, at, by}`; `contacts` are people here."""

    PERSONAL: ClassVar = ("needs", "diet", "assessments")

    resident_id: str = ""
    needs: str = ""
    diet: str = ""
    assessments: list[dict[str, Any]] = field(default_factory=list)
    meals: bool = False
    contacts: list[str] = field(default_factory=list)


def level(score: int) -> str:
    """How able an elder with this score is."""
    return next(name for least, name in LEVELS if score >= least)


def keep_file(elder: Elder, resident_id: str, facts: dict[str, Any]) -> tuple[Elder, list[Event]]:
    """What is known of the elder's needs."""
    return elder.but(resident_id=resident_id, **facts), []


def assess(elder: Elder, score: int, by: str, at: datetime) -> tuple[Elder, list[Event]]:
    """One more assessment."""
    assessment = {"score": score, "level": level(score), "at": at.isoformat(), "by": by}
    return elder.but(assessments=[*elder.assessments, assessment]), []


def forget(elder: Elder) -> tuple[Elder, list[Event]]:
    """The person was erased."""
    return elder.but(tombstone=True, resident_id="erased", needs="", diet="", assessments=[], contacts=[]), []


def forget_contact(elder: Elder, person_id: str) -> tuple[Elder, list[Event]]:
    """Somebody who was told of this elder was erased."""
    return elder.but(contacts=[c for c in elder.contacts if c != person_id]), []


@dataclass(frozen=True, kw_only=True)
class CareVisit(Aggregate):
    """Somebody looks in on an elder."""

    LIFECYCLE: ClassVar = {
        PLANNED: {DONE, UNANSWERED, CANCELLED},
        DONE: set(),
        UNANSWERED: set(),
        CANCELLED: set(),
    }
    PERSONAL: ClassVar = ("notes",)

    state: str = PLANNED
    elder_id: str
    worker_id: str
    start: datetime
    end: datetime
    notes: str = ""


def plan_visit(
    id: str, elder_id: str, worker_id: str, start: datetime, end: datetime, at: datetime
) -> tuple[CareVisit, list[Event]]:
    """Raises Invalid: times_reversed, in_the_past."""
    if end <= start:
        raise Invalid("times_reversed", "it must end after it begins", "end")
    if start < at:
        raise Invalid("in_the_past", "it would have begun already", "start")
    visit = CareVisit(elder_id=elder_id, worker_id=worker_id, start=start, end=end)
    return visit, [CareVisitPlanned(id, elder_id, worker_id, start, end, at)]


def report_visit(
    visit: CareVisit, outcome: str, notes: str, by: str, leads: bool, tell: list[str], at: datetime
) -> tuple[CareVisit, list[Event]]:
    """What the visitor found. Nobody at home: that is said at once."""
    if by != visit.worker_id and not leads:
        raise Forbidden("not_yours", "this is somebody else's visit")
    after = visit.become(outcome, notes=notes)
    return after, [CareVisitUnanswered(visit.id, visit.elder_id, tell, at)] if outcome == UNANSWERED else []


def forget_visit(visit: CareVisit) -> tuple[CareVisit, list[Event]]:
    """The elder was erased."""
    return visit.but(tombstone=True, notes="", elder_id="erased"), []


@dataclass(frozen=True, kw_only=True)
class MealDelivery(Aggregate):
    """What became of one ordered meal. `proof` says who took it, or what the carrier saw."""

    PERSONAL: ClassVar = ("proof",)

    place_id: str = ""
    elder_id: str = ""
    state: str = ""
    proof: str = ""
    by: str = ""
    at: datetime | None = None


def deliver(
    delivery: MealDelivery, place_id: str, elder_id: str, outcome: str, proof: str, tell: list[str], by: str, at: datetime
) -> tuple[MealDelivery, list[Event]]:
    """It was handed over, or nobody opened: then somebody must look after the elder. A second try may still succeed."""
    if delivery.state == DELIVERED:
        raise Conflict("already_delivered", "it was handed over already")
    after = delivery.but(place_id=place_id, elder_id=elder_id, state=outcome, proof=proof, by=by, at=at)
    if outcome == UNANSWERED:
        return after, [MealUnanswered(delivery.id, elder_id, tell, at)]
    return after, [MealDelivered(delivery.id, elder_id, at)]


def forget_delivery(delivery: MealDelivery) -> tuple[MealDelivery, list[Event]]:
    """The elder was erased."""
    return delivery.but(tombstone=True, proof="", elder_id="erased"), []
