"""What goes to the court: confirmations of agreements, and hearings of the micro-court. A restricted file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from services.petitions.domain import Actor, Case, extend, start, stop
from shared.errors import Conflict
from shared.events import petitions as said
from shared.events.base import Event
from shared.law import Locale

CONFIRMATION, HEARING = "confirmation", "hearing"
ASKED, ACCEPTED, DECLINED, DECIDED = "asked", "accepted", "declined", "decided"
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

    def visible_to(self, actor: Actor) -> bool:
        """The court and the parties; nobody else opens the file."""
        return bool(actor.key and actor.key in self.found_by) or actor.is_one_of("court")


Decided = tuple[CourtCase, list[Event]]


def take(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It comes before the court: for confirmation the court says in three days whether it accepts; for mediation it names
    a mediator in three working days."""
    made, today = CourtCase(id=id, **facts), locale.today(at)
    if made.kind == CONFIRMATION:
        made = start(made, locale, "accept", "confirmation.accept", today)
        return made.acted(actor, "confirmation_asked", at), [
            said.ConfirmationAsked(id, made.number, made.clock("accept")["due"], at)
        ]
    made = start(made, locale, "mediator", "court.mediator", today)
    made = start(made, locale, "mediation", "court.mediation", today)
    return made.acted(actor, "referred", at), [said.CourtReferred(id, made.number, made.clock("mediation")["due"], at)]


def accept(case: CourtCase, case_number: str, judge: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The court takes it, under its own number; a confirmation is decided within 15 days."""
    changed = stop(case.become(ACCEPTED, case_number=case_number, judge=judge), locale, "accept", "mediator")
    if case.kind == CONFIRMATION:
        changed = start(changed, locale, "decide", "confirmation.decide", locale.today(at))
    due = changed.clock("decide")["due"] if case.kind == CONFIRMATION else changed.clock("mediation")["due"]
    changed = changed.acted(actor, "accepted", at, case_number=case_number)
    return changed, [said.ConfirmationDecided(case.id, case.number, "accepted", due, at)]


def decline(case: CourtCase, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The court does not take it."""
    changed = stop(case.become(DECLINED), locale, state="off").noted(actor, "declined", reason, at)
    return changed.acted(actor, "declined", at), [said.ConfirmationDecided(case.id, case.number, "declined", "", at)]


def lengthen(case: CourtCase, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A confirmation by 10 days, once; a mediation by agreement of the parties."""
    if case.state != ACCEPTED:
        raise Conflict("not_accepted", "nothing runs that could be extended")
    name = "decide" if case.kind == CONFIRMATION else "mediation"
    changed = extend(case, locale, name)
    return changed.acted(actor, "extended", at, due=changed.clock(name)["due"]), []


def write_outcome(
    case: CourtCase, outcome: str, case_number: str, text: str, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """By the court alone, with its case number."""
    if outcome not in OUTCOMES[case.kind]:
        raise Conflict("outcome_unfit", f"this ends as one of: {', '.join(OUTCOMES[case.kind])}")
    changed = stop(case.become(DECIDED, case_number=case_number), locale)
    changed = changed.but(outcome={"outcome": outcome, "text": text, "at": at.isoformat()})
    changed = changed.acted(actor, "outcome", at, outcome=outcome, case_number=case_number)
    return changed, [said.HearingOutcomeWritten(case.id, case.number, outcome, at)]


def sitting(case: CourtCase, request_id: str, facts: dict[str, Any], actor: Actor, at: datetime) -> Decided:
    """A hearing was asked for, or its answer came: both parties are told of what is held."""
    if case.state in (DECLINED, DECIDED) and facts["state"] == "asked":
        raise Conflict("already_over", "it is over", state=case.state)
    before = case.sittings.get(request_id, {}).get("state")
    changed = case.but(sittings=case.sittings | {request_id: facts})
    if before == facts["state"] or facts["state"] == "asked":
        return changed, []
    if facts["state"] == "booked":
        changed = changed.but(current=request_id).acted(actor, "scheduled", at, start=facts["start"])
        return changed, [said.HearingScheduled(case.id, case.number, facts["start"], facts["end"], at)]
    current = "" if case.current == request_id else case.current
    if facts["reason"] == "rescheduled":
        return changed.but(current=current), []
    return changed.but(current=current), [said.HearingUnscheduled(case.id, case.number, facts["reason"], at)]
