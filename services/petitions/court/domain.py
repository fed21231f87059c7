"""What goes to the court: confirmations of agreements, and hearings of the micro-court. A restricted file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from services.petitions.domain import Actor, Case, extend, pass_time, recompute, start, stop, wind
from services.petitions.sittings.domain import is_news, unneeded
from shared.events import petitions as catalogue
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Forbidden

CONFIRMATION, HEARING = "confirmation", "hearing"
ASKED, ACCEPTED, DECLINED, DECIDED = "asked", "accepted", "declined", "decided"
OVER = (DECLINED, DECIDED)
COURT = "人民法院"
# What the court may write at the end of each.
OUTCOMES = {CONFIRMATION: ("confirmed", "refused"), HEARING: ("settled", "failed")}


@dataclass(frozen=True, kw_only=True)
class CourtCase(Case):
    """One matter before the court, of one dispute. `parties` as in the dispute; `outcome` is the court's own word, with
    its case number; `sittings` by request, `current` the one that holds."""

    CASE: ClassVar = "court"
    PERSONAL: ClassVar = ("parties", "notes", "outcome")
    LIFECYCLE: ClassVar = {ASKED: {ACCEPTED, DECLINED}, ACCEPTED: {DECIDED}, DECLINED: set(), DECIDED: set()}

    kind: str = HEARING
    state: str = ASKED
    dispute_id: str = ""
    dispute_number: str = ""
    responsible_authority: str = COURT
    case_number: str = ""
    judge: str = ""
    sittings: dict[str, dict[str, Any]] = field(default_factory=dict)
    current: str = ""
    parties: list[dict[str, Any]] = field(default_factory=list)
    outcome: dict[str, str] = field(default_factory=dict)

    @property
    def restricted(self) -> bool:
        """All of it."""
        return True

    def party_of(self, actor: Actor) -> str:
        """Which party this person is, or ""."""
        return next((p["id"] for p in self.parties if actor.id and p.get("resident_id") == actor.id), "")

    def opens_to(self, actor: Actor) -> bool:
        """The court and the parties; nobody else opens the file."""
        return bool(actor.key and actor.key in self.found_by) or actor.is_one_of("court")


Decided = tuple[CourtCase, list[Event]]


def seen_by(case: CourtCase, actor: Actor) -> CourtCase:
    """The court sees its file; a party what is its own in it, and of the others only their names."""
    own = case.party_of(actor)
    if actor.is_one_of("court") and not own:
        return case
    parties = [p if p["id"] == own else {"id": p["id"], "name": p.get("name", "")} for p in case.parties]
    return case.but(parties=parties, notes=[n for n in case.notes if not n["internal"]])


def check_impartial(case: CourtCase, actor: Actor) -> None:
    """Raises Forbidden("not_impartial"): nobody is the court in their own matter."""
    if case.party_of(actor):
        raise Forbidden("not_impartial", "a party does not act for the court")


def take(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It comes before the court: for confirmation the court says in three days whether it accepts; for mediation it names
    a mediator in three working days."""
    made, today = CourtCase(id=id, **facts), locale.today(at)
    if made.kind == CONFIRMATION:
        made = start(made, locale, "accept", "confirmation.accept", today)
        return made.acted(actor, "confirmation_asked", at), [
            catalogue.ConfirmationAsked(id, made.number, made.clock("accept")["due"], at)
        ]
    made = start(made, locale, "mediator", "court.mediator", today)
    made = start(made, locale, "mediation", "court.mediation", today)
    return made.acted(actor, "referred", at), [catalogue.CourtReferred(id, made.number, made.clock("mediation")["due"], at)]


def accept(case: CourtCase, case_number: str, judge: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The court takes it, under its own number; a confirmation is decided within 15 days."""
    changed = stop(case.become(ACCEPTED, case_number=case_number, judge=judge), locale, "accept", "mediator")
    if case.kind == CONFIRMATION:
        changed = start(changed, locale, "decide", "confirmation.decide", locale.today(at))
    due = changed.clock("decide")["due"] if case.kind == CONFIRMATION else changed.clock("mediation")["due"]
    changed = changed.acted(actor, "accepted", at, case_number=case_number)
    return changed, [catalogue.ConfirmationDecided(case.id, case.number, "accepted", due, at)]


def decline(case: CourtCase, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The court does not take it."""
    changed = stop(case.become(DECLINED), locale, state="off").noted(actor, "declined", reason, at)
    changed = wake(changed, locale, at)
    return changed.acted(actor, "declined", at), [catalogue.ConfirmationDecided(case.id, case.number, "declined", "", at)]


def lengthen(case: CourtCase, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A confirmation by 10 days, once; a mediation by agreement of the parties."""
    if case.state != ACCEPTED:
        raise Conflict("not_accepted", "nothing runs that could be extended")
    name = "decide" if case.kind == CONFIRMATION else "mediation"
    changed = extend(case, locale, name)
    due = changed.clock(name)["due"]
    return changed.acted(actor, "extended", at, due=due), [catalogue.CourtExtended(case.id, case.number, due, at)]


def write_outcome(
    case: CourtCase, outcome: str, case_number: str, text: str, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """By the court alone, with its case number."""
    if outcome not in OUTCOMES[case.kind]:
        raise Conflict("outcome_unfit", f"this ends as one of: {', '.join(OUTCOMES[case.kind])}")
    changed = wake(stop(case.become(DECIDED, case_number=case_number), locale), locale, at)
    changed = changed.but(outcome={"outcome": outcome, "text": text, "at": at.isoformat()})
    changed = changed.acted(actor, "outcome", at, outcome=outcome, case_number=case_number)
    return changed, [catalogue.HearingOutcomeWritten(case.id, case.number, outcome, at)]


# -- sittings and time


def may_sit(case: CourtCase) -> None:
    """Whether a hearing can be asked for. Raises Conflict("already_over")."""
    if case.state in OVER:
        raise Conflict("already_over", "it is over", state=case.state)


def sitting(case: CourtCase, request_id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A hearing was asked for, or its answer came: both parties are told of what is held, and of what was and is not any
    more. The one that is held last is the one that holds."""
    known, over = case.sittings.get(request_id), case.state in OVER
    if not is_news(known, facts):
        return case, []
    if over and facts["state"] in ("asked", "booked"):
        # Nobody is told of what nobody needs: it is kept as asked for, and given back.
        return wake(case.but(sittings=case.sittings | {request_id: facts | {"state": "asked"}}), locale, at), []
    changed = case.but(sittings=case.sittings | {request_id: facts})
    if facts["state"] == "asked":
        return wake(changed, locale, at), []
    if facts["state"] == "booked":
        changed = changed.but(current=request_id).acted(actor, "scheduled", at, start=facts["start"])
        return wake(changed, locale, at), [catalogue.HearingScheduled(case.id, case.number, facts["start"], facts["end"], at)]
    changed = wake(changed.but(current="" if case.current == request_id else case.current), locale, at)
    if facts["reason"] == "rescheduled":
        return changed, []
    held = known is not None and known["state"] == "booked"
    return changed, [catalogue.HearingUnscheduled(case.id, case.number, facts["reason"], at, held)]


def idle_sittings(case: CourtCase, at: datetime) -> list[str]:
    """Its sittings to come that are not needed any more: all, once it is over; what another one replaced."""
    return unneeded(case.sittings, case.state in OVER, case.current, at)


def wake(case: CourtCase, locale: Locale, at: datetime) -> CourtCase:
    """With the time at which something is to be done next: at a deadline, or at once where a sitting is to be given back."""
    woken: CourtCase = wind(case, locale)
    return woken.but(due=min(at, woken.due or at)) if idle_sittings(woken, at) else woken


def turn(case: CourtCase, locale: Locale, at: datetime) -> Decided:
    """What time changes in it."""
    passed, events = pass_time(case, locale, at)
    return wake(passed, locale, at), events


def follow(case: CourtCase, locale: Locale, at: datetime) -> Decided:
    """Its dates by the calendar that is known now."""
    changed, events = recompute(case, locale, at)
    return wake(changed, locale, at), events
