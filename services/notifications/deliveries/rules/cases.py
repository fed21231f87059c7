"""Who is told what of a case: its events name nobody, so each telling names parties, whom petitions resolves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.events import petitions
from shared.events.base import Event


@dataclass(frozen=True)
class CaseTelling:
    """A template, the parties of the case who get it, and its parameters, from an event of a case of this kind."""

    template: str
    parties: Callable[[Any], list[str]]
    params: Callable[[Any], dict[str, Any]] = lambda event: {"n": event.number}
    case: Callable[[Any], str] = lambda event: "petition"


def _all(*parties: str) -> Callable[[Any], list[str]]:
    return lambda event: list(parties)


def _when(condition: Callable[[Any], bool], *parties: str) -> Callable[[Any], list[str]]:
    return lambda event: list(parties) if condition(event) else []


def _due(event: Any) -> dict[str, Any]:
    return {"n": event.number, "day": event.due}


def _times(event: Any) -> dict[str, Any]:
    return {"n": event.number, "start": event.start.isoformat(), "end": event.end.isoformat()}


def _until(event: Any) -> dict[str, Any]:
    return {"day": event.until}


def _stars(event: Any) -> dict[str, Any]:
    return {"n": event.number, "stars": event.stars}


def _to_be_moved(event: Any) -> bool:
    """Whether another time is to be found for a sitting: not where the case is over."""
    return bool(event.reason != "case_over")


def _case(event: Any) -> str:
    return str(event.case)


def _fixed(kind: str) -> Callable[[Any], str]:
    return lambda event: kind


FILER, QUIET = "filer", "quiet_news"
TO_FILER = _all(FILER)
HELP, DISPUTE, COURT = _fixed("help"), _fixed("dispute"), _fixed("court")
BY_FILER = frozenset({"resident", "anonymous"})

TOLD_OF_CASES: dict[type[Event], tuple[CaseTelling, ...]] = {
    petitions.PetitionFiled: (CaseTelling("case_received", _all("station")),),
    petitions.PetitionRegistered: (
        CaseTelling("case_registered", TO_FILER, lambda e: {"n": e.number, "o": e.authority}),
        CaseTelling("case_yours", _all("responsible")),
    ),
    petitions.PetitionAccepted: (CaseTelling("case_accepted", TO_FILER, _due),),
    petitions.PetitionDeclined: (CaseTelling("case_declined", TO_FILER),),
    petitions.PetitionForwarded: (CaseTelling("case_forwarded", TO_FILER, lambda e: {"n": e.number, "org": e.authority}),),
    petitions.PetitionForwardSettled: (
        CaseTelling("case_came_back", _when(lambda e: e.outcome != "acknowledged", "responsible")),
    ),
    petitions.PetitionRedirected: (CaseTelling("case_other_route", TO_FILER),),
    petitions.PetitionExtended: (
        CaseTelling("case_extended", TO_FILER, lambda e: {"n": e.number, "day": e.due, "reason": e.reason}),
    ),
    petitions.PetitionPaused: (CaseTelling("case_paused", TO_FILER),),
    petitions.PetitionResumed: (CaseTelling("case_resumed", TO_FILER, _due),),
    petitions.PetitionIdentified: (CaseTelling("case_identified", _all("responsible")),),
    petitions.PetitionAnswered: (CaseTelling("case_answered", TO_FILER),),
    petitions.PetitionReplyDelivered: (
        CaseTelling("case_review_open", _when(lambda e: bool(e.until) and e.stage == "answered", "filer"), _until),
        CaseTelling("case_recheck_open", _when(lambda e: bool(e.until) and e.stage == "reviewed", "filer"), _until),
        CaseTelling("case_final", _when(lambda e: not e.until, "filer")),
    ),
    petitions.PetitionReviewAsked: (CaseTelling("case_review_asked", _all("responsible", "street_officer"), _due),),
    petitions.PetitionSupplemented: (
        CaseTelling("case_supplemented", _when(lambda e: e.role in BY_FILER, "responsible")),
        CaseTelling("case_news", _when(lambda e: e.role not in BY_FILER and not e.internal, "filer")),
    ),
    petitions.PetitionWithdrawn: (CaseTelling("case_withdrawn", _all("responsible")),),
    petitions.PetitionClosed: (CaseTelling("case_closed", TO_FILER),),
    petitions.PetitionReopened: (CaseTelling("case_reopened", _all("responsible")),),
    petitions.PetitionLinked: (CaseTelling("case_linked", TO_FILER),),
    petitions.PetitionRated: (CaseTelling("case_rated_low", _when(lambda e: e.low, "secretary"), _stars),),
    petitions.PetitionUrgent: (CaseTelling("case_urgent", _all("secretary", "street_officer")),),
    petitions.PetitionHandedOver: (CaseTelling("case_yours", _all("responsible")),),
    petitions.SealOpeningAsked: (CaseTelling("seal_asked", _all("openers")),),
    petitions.HelpRequested: (CaseTelling("help_asked", _all("responsible"), case=HELP),),
    petitions.HelpRequestNoted: (
        CaseTelling("help_asked", _when(lambda e: e.role in BY_FILER, "responsible"), case=HELP),
        CaseTelling("help_taken", _when(lambda e: e.role not in BY_FILER and not e.internal, "filer"), case=HELP),
    ),
    petitions.HelpRequestEnded: (CaseTelling("help_ended", TO_FILER, case=HELP),),
    petitions.HelpRequestTaken: (CaseTelling("help_taken", TO_FILER, case=HELP),),
    petitions.DisputeOpened: (CaseTelling("dispute_opened", _all("parties", "mediators"), case=DISPUTE),),
    petitions.DisputeMediatorsSet: (CaseTelling("dispute_mediators", _all("parties", "mediators"), case=DISPUTE),),
    petitions.MediatorsProposed: (CaseTelling("dispute_choice", _when(lambda e: not e.agreed, "unchosen"), case=DISPUTE),),
    petitions.DisputeNoted: (
        CaseTelling("dispute_news", _when(lambda e: e.role in BY_FILER, "mediators"), case=DISPUTE),
        CaseTelling("dispute_news", _when(lambda e: e.shared and e.role not in BY_FILER, "parties"), case=DISPUTE),
    ),
    petitions.MediationScheduled: (CaseTelling("mediation_scheduled", _all("parties", "mediators"), _times, DISPUTE),),
    petitions.MediationUnscheduled: (
        CaseTelling("mediation_unscheduled", _when(_to_be_moved, "mediators"), case=DISPUTE),
        CaseTelling("mediation_off", _when(lambda e: e.held, "parties"), case=DISPUTE),
    ),
    petitions.AgreementTextChanged: (CaseTelling("agreement_changed", _all("parties", "mediators"), case=DISPUTE),),
    petitions.AgreementSigned: (CaseTelling("agreement_signed", _all("unsigned"), case=DISPUTE),),
    petitions.AgreementEffective: (
        # One message to each: a delivery is known by its event, its recipient and its channel.
        CaseTelling("agreement_effective", lambda e: ["mediators"] if e.until else ["parties", "mediators"], case=DISPUTE),
        CaseTelling(
            "agreement_effective_until",
            _when(lambda e: bool(e.until), "parties"),
            lambda e: {"n": e.number, "day": e.until},
            DISPUTE,
        ),
    ),
    petitions.ConfirmationApplied: (
        CaseTelling(
            "confirmation_applied",
            _when(lambda e: e.missing > 0, "unapplied"),
            lambda e: {"n": e.number, "day": e.until},
            DISPUTE,
        ),
    ),
    petitions.ConfirmationReminderDue: (CaseTelling("confirmation_open", _all("parties"), _until, DISPUTE),),
    petitions.PerformanceRecorded: (
        CaseTelling("agreement_not_kept", _when(lambda e: e.outcome == "refused", "parties", "mediators"), case=DISPUTE),
    ),
    petitions.DisputeEnded: (
        CaseTelling("dispute_ended", _when(lambda e: not e.reason, "parties", "mediators"), case=DISPUTE),
        CaseTelling("dispute_remedies", _when(lambda e: bool(e.reason), "parties", "mediators"), case=DISPUTE),
    ),
    petitions.DangerReported: (
        CaseTelling("danger", _all("police_liaison", "secretary"), lambda e: {"n": e.number, "at": e.at.isoformat()}, DISPUTE),
    ),
    petitions.DangerAcknowledged: (CaseTelling("danger_acknowledged", _all("mediators"), case=DISPUTE),),
    petitions.CourtConsentGiven: (
        CaseTelling("court_consent", _when(lambda e: e.missing > 0, "unconsented"), case=DISPUTE),
        CaseTelling("court_consents", _when(lambda e: e.missing == 0, "mediators"), case=DISPUTE),
    ),
    petitions.DisputeRated: (CaseTelling("case_rated_low", _when(lambda e: e.low, "secretary"), _stars, DISPUTE),),
    petitions.ConfirmationAsked: (CaseTelling("court_asked", _all("court", "parties"), _due, COURT),),
    petitions.ConfirmationDecided: (CaseTelling("court_answered", _all("parties"), case=COURT),),
    petitions.CourtReferred: (CaseTelling("court_asked", _all("court", "parties"), _due, COURT),),
    petitions.CourtExtended: (CaseTelling("court_extended", _all("parties"), _due, COURT),),
    petitions.HearingScheduled: (CaseTelling("hearing_scheduled", _all("parties", "court"), _times, COURT),),
    petitions.HearingUnscheduled: (
        CaseTelling("hearing_unscheduled", _when(_to_be_moved, "court"), case=COURT),
        CaseTelling("hearing_off", _when(lambda e: e.held, "parties"), case=COURT),
    ),
    petitions.HearingOutcomeWritten: (CaseTelling("court_answered", _all("parties"), case=COURT),),
    petitions.DeadlineNear: (CaseTelling("deadline_near", _all("responsible"), _due, _case),),
    petitions.DeadlineMissed: (CaseTelling("deadline_missed", lambda e: [e.level], _due, _case),),
    petitions.DeadlineMoved: (CaseTelling("deadline_moved", _all("filer", "responsible"), _due, _case),),
}


def tellings_of(event: Event) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """(kind of case, parties, template, parameters) of everybody who is told of an event of a case."""
    told = [(telling, telling.parties(event)) for telling in TOLD_OF_CASES[type(event)]]
    return [(t.case(event), parties, t.template, t.params(event)) for t, parties in told if parties]
