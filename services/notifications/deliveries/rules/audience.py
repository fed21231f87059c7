"""Who is told what of which event: one line an event. A recipient is a person's id, or `role:…|…` for all who hold the
first of these roles that somebody holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.notifications.preferences.domain import ROLE
from shared.events import bookings
from shared.events.base import Event
from shared.rules.roles import DUTY_LEAD, SECRETARY

LEAD, HEAD = f"{ROLE}{DUTY_LEAD}|{SECRETARY}", ROLE + SECRETARY


@dataclass(frozen=True)
class Telling:
    """A template, its recipients and its parameters, from an event."""

    template: str | Callable[[Any], str]
    who: Callable[[Any], list[str]]
    params: Callable[[Any], dict[str, Any]]


def _when(event: Any) -> dict[str, Any]:
    return {"start": event.start.isoformat(), "end": event.end.isoformat()}


def _where(event: Any) -> dict[str, Any]:
    """Time and place of a booking; a confidential one has neither title nor room."""
    place = " ".join(text for text in (getattr(event, "title", ""), event.room_name) if text)
    return _when(event) | {"p": place}


def _at(event: Any) -> dict[str, Any]:
    return {"at": event.at.isoformat()}


def _nothing(event: Any) -> dict[str, Any]:
    return {}


def _unless_erased(who: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    return lambda event: [] if event.reason == "erased" else who(event)


def _tell(event: Any) -> list[str]:
    return list(event.tell)


def _resident(event: Any) -> list[str]:
    return [event.resident_id]


def _place(event: Any) -> str:
    return "appointment_confirmed" if event.kind == "counter" else "place_taken"


def _at_stage(stage: str, who: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    return lambda event: who(event) if event.stage == stage else []


def _lead(event: Any) -> list[str]:
    return [LEAD]


def _about(event: Any) -> dict[str, Any]:
    """What a worker needs to find the matter: an opaque reference."""
    return {"ref": event.subject[:8]}


TOLD: dict[type[Event], Telling | tuple[Telling, ...]] = {
    bookings.ReservationConfirmed: Telling("reservation_confirmed", _resident, _where),
    bookings.ReservationCancelled: Telling(
        "reservation_cancelled", _unless_erased(_resident), lambda e: _where(e) | {"reason": e.reason}
    ),
    bookings.ConfidentialBooked: Telling("confidential_booked", _tell, _when),
    bookings.ConfidentialCancelled: Telling("confidential_cancelled", _tell, _when),
    bookings.ReminderDue: Telling("reminder", _tell, _where),
    bookings.PlaceTaken: Telling(_place, _tell, lambda e: _where(e) | ({"extended": True} if e.extended else {})),
    bookings.PlaceWaitlisted: Telling("place_waitlisted", _tell, lambda e: _where(e) | {"n": e.position}),
    bookings.PlaceOffered: Telling("place_offered", _tell, lambda e: _where(e) | {"until": e.until.isoformat()}),
    bookings.PlaceReleased: Telling("place_released", _unless_erased(_tell), lambda e: _where(e) | {"reason": e.reason}),
    bookings.PlacesMissed: Telling("place_missed", _tell, _where),
    bookings.SessionCancelled: Telling("session_cancelled", _tell, lambda e: _where(e) | {"reason": e.reason}),
    bookings.SessionMoved: Telling("session_moved", _tell, _where),
    bookings.SessionClashed: Telling("session_clashed", _lead, _when),
    bookings.BookingSuspended: Telling("booking_suspended", _resident, lambda e: {"until": e.until.isoformat()}),
    bookings.ChildSignedIn: Telling("child_signed_in", _tell, _at),
    bookings.CollectorRefused: Telling("collector_refused", _tell, _at),
    bookings.ChildLeft: Telling(lambda e: "child_left_alone" if e.how == "alone" else "child_left", _tell, _at),
    bookings.ChildNotCollected: (
        Telling("child_not_collected", _at_stage("guardian", _tell), lambda e: {"n": e.minutes}),
        Telling("child_still_here", _at_stage("duty_lead", _lead), lambda e: {"n": e.minutes} | _about(e)),
    ),
    bookings.ChildAbsentAgain: (
        Telling("child_absent", _tell, lambda e: {"n": e.times}),
        Telling("absences", _lead, lambda e: {"n": e.times} | _about(e)),
    ),
    bookings.RosterPublished: Telling("roster_published", lambda e: list(e.people), lambda e: {"n": e.week}),
    bookings.ShiftSwapAsked: Telling("swap_asked", lambda e: [e.asked], _when),
    bookings.ShiftSwapped: Telling("shift_swapped", lambda e: [e.before, e.after], _when),
    bookings.ShiftUncovered: Telling("shift_uncovered", _lead, _when),
    bookings.AppointmentsUncovered: Telling("appointments_uncovered", lambda e: [LEAD], lambda e: _when(e) | {"n": e.count}),
    bookings.TicketCalled: Telling("ticket_called", _tell, lambda e: {"n": e.ticket}),
    bookings.LoanDueSoon: Telling("loan_due_soon", lambda e: [e.borrower_id], lambda e: {"day": e.due}),
    bookings.LoanOverdue: Telling("loan_overdue", lambda e: [e.borrower_id], lambda e: {"day": e.due}),
    bookings.ParlourReplied: Telling("parlour_replied", _resident, _nothing),
    bookings.ParlourReplyOverdue: Telling("parlour_overdue", lambda e: [HEAD], lambda e: {"day": e.due}),
    bookings.CareVisitPlanned: Telling("visit_planned", lambda e: [e.elder_id, e.worker_id], _when),
    bookings.CareVisitUnanswered: Telling("visit_unanswered", lambda e: [*e.tell, LEAD], lambda e: _at(e) | _about(e)),
    bookings.MealUnanswered: Telling("meal_unanswered", lambda e: [*e.tell, LEAD], lambda e: _at(e) | _about(e)),
    bookings.ServiceShareFell: Telling("share_fell", lambda e: [HEAD], lambda e: {"n": e.share}),
}


def tellings(event: Event) -> list[tuple[str, str, dict[str, Any]]]:
    """(recipient, template, parameters) of everybody who is told of this event."""
    made, told = [], TOLD[type(event)]
    for telling in told if isinstance(told, tuple) else (told,):
        template = telling.template if isinstance(telling.template, str) else telling.template(event)
        made += [(who, template, telling.params(event)) for who in dict.fromkeys(telling.who(event)) if who]
    return made
