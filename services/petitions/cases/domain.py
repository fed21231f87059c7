"""Petitions: from receipt through the authority's acts and the two reviews to the final bar (信访工作条例)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from services.petitions.domain import Actor, Case, check_authority, extend, pause, resume, start, stop
from shared.events import petitions as catalogue
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.errors import Conflict, Forbidden, Invalid
from shared.rules.law import PETITIONS_IN_FORCE

SUGGESTION, REPORT, APPEAL = "建议意见", "检举控告", "申诉求决"
KINDS = (SUGGESTION, REPORT, APPEAL)
TOPICS = ("物业", "噪声", "违建", "停车", "供暖", "漏水", "社保", "拆迁", "劳资", "教育", "其他")
CHANNELS = ("counter", "phone", "online", "visit")
REPRESENTATIVES_A_VISIT = 5
DAY, SHORTEST = timedelta(hours=24), timedelta(hours=23)  # where clocks are put forward, two midnights lie 23 hours apart
OPINION = ("request", "facts", "view", "basis")

RECEIVED, REGISTERED, FORWARDED, ACCEPTED = "received", "registered", "forwarded", "accepted"
ANSWERED, REVIEWING, REVIEWED, RECHECKING, RECHECKED = "answered", "reviewing", "reviewed", "rechecking", "rechecked"
DECLINED, REDIRECTED, REFERRED = "declined", "redirected", "referred"
CLOSED, WITHDRAWN, DUPLICATE = "closed", "withdrawn", "duplicate"
OVER = frozenset({DECLINED, REDIRECTED, REFERRED, CLOSED, WITHDRAWN, DUPLICATE, RECHECKED})
# What each stage of deciding leads to, its clock, and the window that the delivered reply opens.
STAGES = {
    ACCEPTED: ("handle", ANSWERED, "handle"),
    REVIEWING: ("review", REVIEWED, "review"),
    RECHECKING: ("recheck", RECHECKED, "recheck"),
}
WINDOWS = {ANSWERED: ("review", REVIEWING), REVIEWED: ("recheck", RECHECKING)}


@dataclass(frozen=True, kw_only=True)
class Petition(Case):
    """One petition. `petitioners` are `{resident_id?, name?, phone?, representative}`; `opinions` the written decisions by
    stage, in four parts; `receipt` is `{hash, failures, locked_until}` where it was filed anonymously."""

    CASE: ClassVar = "petition"
    PERSONAL: ClassVar = ("text", "petitioners", "notes", "opinions")
    LIFECYCLE: ClassVar = {
        RECEIVED: {REGISTERED, DUPLICATE, WITHDRAWN},
        REGISTERED: {ACCEPTED, DECLINED, FORWARDED, REDIRECTED, REFERRED, CLOSED, DUPLICATE, WITHDRAWN},
        FORWARDED: {FORWARDED, REGISTERED, ACCEPTED, DECLINED, CLOSED, WITHDRAWN},
        ACCEPTED: {ANSWERED, WITHDRAWN},
        ANSWERED: {REVIEWING, CLOSED, WITHDRAWN},
        REVIEWING: {REVIEWED, WITHDRAWN},
        REVIEWED: {RECHECKING, CLOSED, WITHDRAWN},
        RECHECKING: {RECHECKED, WITHDRAWN},
        RECHECKED: {REGISTERED},
        DECLINED: {REGISTERED},
        REDIRECTED: {REGISTERED},
        REFERRED: {REGISTERED},
        CLOSED: {REGISTERED},
        WITHDRAWN: {REGISTERED},
        DUPLICATE: {REGISTERED},
    }

    kind: str = APPEAL
    state: str = RECEIVED
    topic: str = "其他"
    channel: str = "online"
    anonymous: bool = False
    confidential: bool = False  # the complainant is sealed
    received_at: datetime | None = None
    grid: str = ""
    responsible_authority: str = ""
    forwarded_to: str = ""
    forward_state: str = ""
    first_id: str = ""
    urgent: bool = False
    reason: str = ""
    recused: list[str] = field(default_factory=list)
    delivered: dict[str, str] = field(default_factory=dict)
    stars: int = 0
    receipt: dict[str, Any] = field(default_factory=dict)
    dispute_id: str = ""
    attachments: list[str] = field(default_factory=list)
    text: str = ""
    petitioners: list[dict[str, Any]] = field(default_factory=list)
    opinions: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def restricted(self) -> bool:
        """Reports and sealed complainants are nobody's business outside."""
        return self.confidential or self.kind == REPORT

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way."""
        return self.state not in OVER

    def timed(self, due: datetime | None, next_due: datetime | None) -> Self:
        """On the agenda by the day, then by the hour at which it came in: deadlines themselves end at midnight, all at once,
        and a page of the agenda must not need to read the whole day."""
        timed = super().timed(due, next_due)
        if next_due is None or self.received_at is None:
            return timed
        hour = (self.received_at - next_due) % DAY  # since a local midnight, as the deadline is one
        return timed.but(agenda=_to_milliseconds(next_due + hour * (SHORTEST / DAY)))

    def opens_to(self, actor: Actor) -> bool:
        """Whether this person may know of it at all."""
        if actor.key and actor.key in self.found_by:
            return True
        if self.hides_from(actor):
            return False
        if self.kind == REPORT:
            return actor.is_one_of("secretary", "street_officer") or bool(actor.id and actor.id == self.assignee)
        return actor.is_one_of("worker", "duty_lead", "secretary", "street_officer")


Decided = tuple[Petition, list[Event]]


def _to_milliseconds(moment: datetime) -> datetime:
    """As the database keeps it: what is computed from a loaded petition must come out as it did before it was saved."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def seen_by(petition: Petition, actor: Actor) -> Petition:
    """What of it this person sees: a petitioner no internal notes, nobody a sealed complainant."""
    own = bool(actor.key) and actor.key in petition.found_by
    hidden: dict[str, Any] = {"petitioners": []} if petition.confidential and not own else {}
    if own and not actor.is_one_of("worker", "duty_lead", "secretary", "street_officer"):
        hidden |= {
            "notes": [n for n in petition.notes if not n["internal"]],
            "assignee": "",
            "recused": [],
            "history": [{k: v for k, v in act.items() if k != "by"} for act in petition.history],
        }
    return petition.but(**hidden) if hidden else petition


# -- coming in


def file(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It is received. `received_at` may lie in the past (taken down later); an oral one is recorded."""
    received = _to_milliseconds(facts.get("received_at") or at)
    if received > at:
        raise Invalid("received_in_future", "it cannot have come in later than now", "received_at")
    if locale.today(received) < PETITIONS_IN_FORCE:
        raise Invalid("received_too_early", f"the limits hold for what came in from {PETITIONS_IN_FORCE} on", "received_at")
    _check_representatives(facts)
    given = {name: facts[name] for name in GIVEN if name in facts}
    made = Petition(id=id, received_at=received, **given)
    if made.confidential:
        made = made.but(petitioners=[])  # they lie under a key of their own
    day = locale.today(received)
    made = start(made, locale, "register", "petition.register", day)
    if made.kind == APPEAL:
        made = start(made, locale, "accept", "petition.accept", day)
    made = start(made, locale, "promise", "promise.petition", day).acted(actor, "filed", at)
    return made, [catalogue.PetitionFiled(id, made.number, made.kind, made.topic, made.channel, made.anonymous, received, at)]


GIVEN = ("number", "kind", "topic", "text", "channel", "grid", "accused", "anonymous", "confidential", "petitioners", "receipt",
         "found_by", "attachments")  # fmt: skip


def _check_representatives(facts: dict[str, Any]) -> None:
    people = facts.get("petitioners", [])
    if facts["channel"] != "visit" or len(people) <= REPRESENTATIVES_A_VISIT:
        return
    chosen = sum(bool(person.get("representative")) for person in people)
    if not chosen:
        raise Invalid("representatives_missing", "more than five visit together: say who represents them", "petitioners")
    if chosen > REPRESENTATIVES_A_VISIT:
        raise Invalid("too_many_representatives", "at most five represent a joint visit (art. 20)", "petitioners")


def register(petition: Petition, authority: str, assignee: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Registered, and routed to the body responsible for it (art. 22)."""
    _check_not_recused(petition, assignee)
    changed = stop(petition.become(REGISTERED), locale, "register")
    changed = changed.but(responsible_authority=authority, assignee=assignee or petition.assignee)
    event = catalogue.PetitionRegistered(petition.id, petition.number, authority, actor.role, at)
    return changed.acted(actor, "registered", at, authority=authority), [event]


def hand_over(petition: Petition, assignee: str, reason: str, actor: Actor, at: datetime) -> Decided:
    """Somebody else is in charge; on a recusal (art. 28) the one before may not be again."""
    _must_be_open(petition)
    recused = petition.recused
    if reason == "recusal" and petition.assignee:
        recused = [*recused, petition.assignee]
    _check_not_recused(petition.but(recused=recused), assignee)
    changed = petition.but(assignee=assignee, recused=recused).acted(actor, "handed_over", at, reason=reason)
    return changed, [catalogue.PetitionHandedOver(petition.id, petition.number, reason, actor.role, at)]


# -- acts of the authority


def accept(
    petition: Petition, document: str, accepted_at: datetime | None, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """Accepted; from then 60 days (art. 23, 34)."""
    check_authority(actor, document)
    day = locale.today(accepted_at or at)
    if accepted_at and (accepted_at > at or day < locale.today(petition.received_at or at)):
        raise Invalid("accepted_at_invalid", "after it was received, and not later than now", "accepted_at")
    if petition.kind != APPEAL:
        raise Conflict("not_on_petition_route", "only what seeks a decision is accepted; answer or refer this one")
    changed = stop(petition.become(ACCEPTED), locale, "accept", "object")
    changed = start(changed, locale, "handle", "petition.handle", day)
    due = changed.clock("handle")["due"]
    changed = changed.acted(actor, "accepted", at, document=document, due=due)
    return changed, [catalogue.PetitionAccepted(petition.id, petition.number, due, actor.role, at)]


def decline(petition: Petition, code: str, reason: str, document: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Not accepted, with the reason (art. 23)."""
    check_authority(actor, document)
    changed = stop(petition.become(DECLINED, reason=code), locale).noted(actor, "declined", reason, at)
    changed = changed.acted(actor, "declined", at, reason=code, document=document)
    return changed, [catalogue.PetitionDeclined(petition.id, petition.number, code, actor.role, at)]


def forward(petition: Petition, authority: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """To another body, which has five working days to object to its jurisdiction."""
    changed = petition.become(FORWARDED, forwarded_to=authority, forward_state="sent", responsible_authority=authority)
    changed = stop(changed, locale, "object", state="off")
    changed = start(changed, locale, "object", "petition.object", locale.today(at))
    changed = changed.acted(actor, "forwarded", at, authority=authority)
    return changed, [catalogue.PetitionForwarded(petition.id, petition.number, authority, actor.role, at)]


def settle_forward(
    petition: Petition, outcome: str, reason: str, document: str, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """The other body acknowledged it, returned it, or objected to its jurisdiction (five working days, with reasons)."""
    if petition.state != FORWARDED or petition.forward_state == outcome:
        raise Conflict("not_forwarded", "nothing waits for another body's answer")
    if outcome == "objected":
        check_authority(actor, document)
        clock = petition.clock("object")
        if clock is None or locale.today(at).isoformat() > clock["due"]:
            raise Conflict("objection_late", "five working days are over (art. 23)")
    back = outcome != "acknowledged"
    changed = petition.become(REGISTERED) if back else petition
    changed = stop(changed.but(forward_state=outcome), locale, "object")
    changed = changed.noted(actor, outcome, reason, at).acted(
        actor, outcome, at, authority=petition.forwarded_to, document=document
    )
    event = catalogue.PetitionForwardSettled(petition.id, petition.number, outcome, petition.forwarded_to, actor.role, at)
    return changed, [event]


def redirect(petition: Petition, route: str, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Another legal route is open and is told (art. 31); a report goes, confidentially, to who may look into it (art. 30)."""
    target = REFERRED if petition.kind == REPORT else REDIRECTED
    changed = stop(petition.become(target, reason=route), locale).noted(actor, target, reason, at)
    changed = changed.acted(actor, target, at, route=route)
    return changed, [catalogue.PetitionRedirected(petition.id, petition.number, route, actor.role, at)]


def lengthen(petition: Petition, code: str, reason: str, document: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Once, by 30 days, approved by the head; the reason is sent (art. 34)."""
    check_authority(actor, document)
    if petition.state != ACCEPTED:
        raise Conflict("not_accepted", "only the handling can be extended")
    changed = extend(petition, locale, "handle")
    due = changed.clock("handle")["due"]
    changed = changed.noted(actor, "extended", reason, at).acted(actor, "extended", at, due=due, reason=code, document=document)
    return changed, [catalogue.PetitionExtended(petition.id, petition.number, due, code, actor.role, at)]


def halt(petition: Petition, reason: str, document: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """For a hearing in 复核 the statutory clock stands still; anything else stops the community's own promise alone."""
    name = "promise"
    if petition.state == RECHECKING and reason == "hearing":
        check_authority(actor, document)
        name = "recheck"
    changed = pause(petition, locale, name, at).acted(actor, "paused", at, clock=name, reason=reason, document=document)
    return changed, [catalogue.PetitionPaused(petition.id, petition.number, name, reason, actor.role, at)]


def go_on(petition: Petition, document: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The clock that stands still goes on."""
    name = next((n for n in ("recheck", "promise") if (c := petition.clock(n)) and c["state"] == "paused"), "promise")
    if name == "recheck":
        check_authority(actor, document)
    changed = resume(petition, locale, name, at)
    due = changed.clock(name)["due"]
    return changed.acted(actor, "resumed", at, clock=name, due=due, document=document), [
        catalogue.PetitionResumed(petition.id, petition.number, name, due, actor.role, at)
    ]


def answer(
    petition: Petition, outcome: str, parts: dict[str, str], document: str, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """A suggestion gets a reply; everything on the petition route a written opinion in four parts (art. 31, 32)."""
    if petition.kind == SUGGESTION:
        return _reply(petition, outcome, parts, actor, locale, at)
    if petition.state not in STAGES:
        raise Conflict("illegal_transition", f"{petition.state} has nothing to decide")
    check_authority(actor, document)
    if missing := [name for name in OPINION if not parts.get(name)]:
        raise Invalid("opinion_incomplete", "request, facts, view and legal basis are all needed (art. 32)", missing[0])
    stage, target, clock = STAGES[petition.state]
    opinion = {name: parts[name] for name in OPINION} | {"outcome": outcome, "document": document, "at": at.isoformat()}
    changed = stop(petition.become(target, reason=outcome), locale, clock, "promise")
    changed = changed.but(opinions=petition.opinions | {stage: opinion})
    changed = changed.acted(actor, "answered", at, stage=stage, outcome=outcome, document=document)
    return changed, [catalogue.PetitionAnswered(petition.id, petition.number, stage, outcome, actor.role, at)]


def _reply(petition: Petition, outcome: str, parts: dict[str, str], actor: Actor, locale: Locale, at: datetime) -> Decided:
    if not parts.get("view"):
        raise Invalid("reply_missing", "say what is answered", "view")
    changed = stop(petition.become(CLOSED, reason="answered"), locale).noted(actor, "reply", parts["view"], at)
    changed = changed.acted(actor, "answered", at, stage="suggestion", outcome=outcome)
    return changed, [catalogue.PetitionAnswered(petition.id, petition.number, "suggestion", outcome, actor.role, at)]


def deliver(petition: Petition, delivered_at: datetime, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The reply reached the petitioner: from that day runs the window for the next review (art. 35, 36)."""
    if petition.state not in (ANSWERED, REVIEWED, RECHECKED) or petition.state in petition.delivered:
        raise Conflict("nothing_to_deliver", "no reply waits to be delivered")
    if delivered_at > at:
        raise Invalid("delivered_in_future", "it cannot have arrived later than now", "delivered_at")
    stage = next(stage for stage, target, _ in STAGES.values() if target == petition.state)
    day = locale.today(delivered_at)
    if day < locale.today(datetime.fromisoformat(petition.opinions[stage]["at"])):
        raise Invalid("delivered_before_decided", "it cannot have arrived before it was written", "delivered_at")
    changed = petition.but(delivered=petition.delivered | {petition.state: day.isoformat()})
    until = ""
    if petition.state in WINDOWS:
        name = WINDOWS[petition.state][0]
        changed = start(changed, locale, f"{name}_window", f"petition.{name}_window", day)
        until = changed.clock(f"{name}_window")["due"]
    changed = changed.acted(actor, "delivered", at, stage=petition.state, until=until)
    return changed, [catalogue.PetitionReplyDelivered(petition.id, petition.number, petition.state, until, at)]


# -- acts of the petitioner


def ask_review(petition: Petition, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """复查, then 复核: within 30 days of delivery, the last day rolling over a day off."""
    if petition.state == RECHECKED:
        raise Conflict("final_bar", "复核 has decided: the same facts are not accepted again (art. 36)", reason="rechecked")
    if petition.anonymous and not petition.petitioners:
        raise Forbidden("identification_needed", "say who you are before you ask for a review")
    if petition.state not in WINDOWS:
        lapse = any(c["name"].endswith("_window") and c["state"] == "off" for c in petition.clocks)
        raise Conflict("window_over" if lapse else "nothing_to_review", "there is no decision that can be reviewed now")
    name, target = WINDOWS[petition.state]
    window = petition.clock(f"{name}_window") if petition.state in petition.delivered else None
    if window is not None and locale.today(at).isoformat() > window["due"]:
        raise Conflict("window_over", "the 30 days are over (art. 35, 36)", until=window["due"])
    changed = stop(petition.become(target), locale, f"{name}_window")
    changed = start(changed, locale, name, f"petition.{name}", locale.today(at)).noted(actor, name, reason, at)
    due = changed.clock(name)["due"]
    return changed.acted(actor, "review_asked", at, stage=name), [
        catalogue.PetitionReviewAsked(petition.id, petition.number, name, due, at)
    ]


def withdraw(petition: Petition, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The petitioner does not go on."""
    changed = stop(petition.become(WITHDRAWN, reason="withdrawn"), locale, state="off").noted(actor, "withdrawn", reason, at)
    return changed.acted(actor, "withdrawn", at), [catalogue.PetitionWithdrawn(petition.id, petition.number, actor.role, at)]


def supplement(petition: Petition, text: str, attachments: list[str], internal: bool, actor: Actor, at: datetime) -> Decided:
    """Something is added; no clock moves by it."""
    _must_be_open(petition)
    changed = petition.noted(actor, "supplement", text, at, internal)
    found_by = [*petition.found_by, *(f"file:{id}" for id in attachments)]
    changed = changed.but(attachments=[*petition.attachments, *attachments], found_by=found_by)
    changed = changed.acted(actor, "supplemented", at)
    return changed, [catalogue.PetitionSupplemented(petition.id, petition.number, actor.role, at, internal)]


def reopen(petition: Petition, new_facts: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """New facts open it again; the same facts never after 复核 (art. 36)."""
    if petition.is_open:
        raise Conflict("still_open", "add to it instead")
    if not new_facts:
        raise Conflict("final_bar", "the same facts are not accepted again (art. 36)", reason=petition.state)
    # What was decided before stays to be read, under the round it belongs to; it decides nothing of the new facts.
    rounds = sum(act["act"] == "reopened" for act in petition.history) + 1
    before = {stage if "." in stage else f"{stage}.{rounds}": opinion for stage, opinion in petition.opinions.items()}
    changed = petition.become(REGISTERED, reason="", first_id="", delivered={}, stars=0, opinions=before)
    changed = changed.but(found_by=[key for key in petition.found_by if not key.startswith("first:")])
    day = locale.today(at)
    if petition.kind == APPEAL:
        changed = start(changed, locale, "accept", "petition.accept", day)
    changed = start(changed, locale, "promise", "promise.petition", day).noted(actor, "new_facts", new_facts, at)
    return changed.acted(actor, "reopened", at), [catalogue.PetitionReopened(petition.id, petition.number, actor.role, at)]


def rate(petition: Petition, stars: int, reason: str, actor: Actor, at: datetime) -> Decided:
    """1 to 5 after a decision or its end; 1 and 2 with a reason, which the secretary is told."""
    if petition.state not in OVER | {ANSWERED, REVIEWED}:
        raise Conflict("not_decided", "it can be rated once it is decided")
    if petition.stars:
        raise Conflict("already_rated", "it was rated before")
    if stars <= 2 and not reason:
        raise Invalid("reason_missing", "say why", "reason")
    changed = petition.but(stars=stars).noted(actor, "rating", reason, at).acted(actor, "rated", at, stars=stars)
    return changed, [catalogue.PetitionRated(petition.id, petition.number, stars, stars <= 2, at)]


# -- of the station


def link(petition: Petition, first: Petition, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The same matter and facts as an earlier one: linked to it, never deleted (art. 19)."""
    if petition.id in (first.id, first.first_id):
        raise Invalid("first_is_itself", "a petition is not its own duplicate", "first_id")
    if (first.received_at, first.id) > (petition.received_at, petition.id):
        raise Invalid("first_is_later", "the later one is the duplicate", "first_id")
    if first.restricted and not petition.restricted:
        raise Conflict("first_is_restricted", "an open petition does not point to one that nobody outside may know of")
    reason = "final_bar" if first.state == RECHECKED else "duplicate"
    changed = stop(petition.become(DUPLICATE, first_id=first.id, reason=reason), locale, state="off")
    changed = changed.but(found_by=[*petition.found_by, f"first:{first.id}"]).acted(actor, "linked", at, reason=reason)
    return changed, [catalogue.PetitionLinked(petition.id, petition.number, first.id, actor.role, at)]


def relink(petition: Petition, before: str, first: Petition, actor: Actor, at: datetime) -> Decided:
    """What it was a duplicate of is a duplicate itself: it points to the first."""
    if petition.first_id != before or petition.restricted < first.restricted:
        return petition, []
    found_by = [*(key for key in petition.found_by if key != f"first:{before}"), f"first:{first.id}"]
    changed = petition.but(first_id=first.id, found_by=found_by).acted(actor, "linked", at, reason=petition.reason)
    return changed, [catalogue.PetitionLinked(petition.id, petition.number, first.id, actor.role, at)]


def mark_urgent(petition: Petition, reason: str, actor: Actor, at: datetime) -> Decided:
    """Reported upward at once (art. 25)."""
    _must_be_open(petition)
    changed = petition.but(urgent=True).noted(actor, "urgent", reason, at, internal=True).acted(actor, "urgent", at)
    return changed, [catalogue.PetitionUrgent(petition.id, petition.number, actor.role, at)]


def to_mediation(petition: Petition, dispute_id: str, actor: Actor, at: datetime) -> Decided:
    """Mediation goes on beside it (art. 33); the statutory clocks run on."""
    _must_be_open(petition)
    if petition.dispute_id:
        raise Conflict("already_in_mediation", "a mediation goes on", dispute_id=petition.dispute_id)
    return petition.but(dispute_id=dispute_id).acted(actor, "mediation", at), []


def close_lapsed(petition: Petition, locale: Locale, at: datetime) -> Decided:
    """Nobody asked for the review in time."""
    changed = stop(petition.become(CLOSED, reason="window_over"), locale, state="off")
    return changed, [catalogue.PetitionClosed(petition.id, petition.number, "window_over", at)]


def check_not_recused(petition: Petition, actor: Actor) -> None:
    """Whoever was recused does nothing more in the case, nor in what came out of it (art. 28). Raises Forbidden("recused")."""
    if actor.id and actor.id in petition.recused:
        raise Forbidden("recused", "you were recused from this case (art. 28)")


def _check_not_recused(petition: Petition, assignee: str) -> None:
    if assignee and assignee in petition.recused:
        raise Conflict("recused", "this person was recused from the case")


def _must_be_open(petition: Petition) -> None:
    if not petition.is_open:
        raise Conflict("already_over", "it is over; new facts open it again", state=petition.state)
