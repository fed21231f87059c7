"""Disputes: mediation by people whom the parties may choose, an agreement that binds, and what becomes of it (人民调解法)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from services.petitions.domain import Actor, Case, start, stop, wind
from services.petitions.sittings.domain import is_news, unneeded
from shared.events import petitions as catalogue
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.law import WARN_AT

KINDS = ("邻里", "婚姻家庭", "赡养", "继承", "租赁", "物业", "债务", "损害赔偿", "劳动", "宠物")
STATUS = frozenset({"婚姻家庭"})  # marriage, adoption, status: no court confirms these
OPENED, MEDIATING, EFFECTIVE = "opened", "mediating", "effective"
AWAITED = ("unsigned", "unapplied", "unconsented", "unchosen")
PERFORMED, REFUSED, FAILED, WITHDRAWN = "performed", "refused", "failed", "withdrawn"
OVER = frozenset({PERFORMED, REFUSED, FAILED, WITHDRAWN})
REMINDER_DAYS_BEFORE = (10, 3, 1)  # days before the last one on which the court can be asked
COMMITTEE = "人民调解委员会"
# Which acts of a dispute who sees, and what of them. Danger, and what the police said, is no party's business.
FOR_PARTIES = frozenset({
    "opened", "mediators_set", "ended", "resumed", "drafted", "signed", "effective", "performance", "court_consent",
    "referred", "applied",
})  # fmt: skip
FOR_STAFF = FOR_PARTIES | {"danger", "police_contact", "mediators_proposed"}
SHOWN = frozenset({"act", "role", "at", "chosen", "outcome", "signer", "form", "digest", "party"})
# Which acts of the petition that it began as the other party sees, and who may not read that petition.
OF_PETITION = frozenset({"filed", "registered", "accepted", "mediation"})


@dataclass(frozen=True, kw_only=True)
class Dispute(Case):
    """One dispute. `parties` are `{id, resident_id?, name, phone?}`; `signatures` `{by, how, digest, at}` where `by` is
    `party:<id>`, `mediator:<id>` or `committee`; `sittings` by request `{start, end, state, reason, choices}`; a note's
    `only` names the party who wrote it for the mediators alone; `to_court` is what the court has still to be brought."""

    CASE: ClassVar = "dispute"
    PERSONAL: ClassVar = ("text", "parties", "notes", "agreement", "dangers")
    LIFECYCLE: ClassVar = {
        OPENED: {MEDIATING, REFUSED, FAILED, WITHDRAWN},
        MEDIATING: {EFFECTIVE, REFUSED, FAILED, WITHDRAWN},
        EFFECTIVE: {PERFORMED, FAILED},
        PERFORMED: set(),
        REFUSED: {MEDIATING},
        FAILED: {MEDIATING, PERFORMED},
        WITHDRAWN: {MEDIATING},
    }

    kind: str = "邻里"
    state: str = OPENED
    petition_id: str = ""
    petition_number: str = ""
    responsible_authority: str = COMMITTEE
    is_open: bool = False
    mediators: list[str] = field(default_factory=list)
    chosen: bool = False
    choices: dict[str, list[str]] = field(default_factory=dict)
    digest: str = ""
    form: str = ""
    signatures: list[dict[str, Any]] = field(default_factory=list)
    effective_on: str = ""
    status_matter: bool = False
    reminded: list[int] = field(default_factory=list)
    sittings: dict[str, dict[str, Any]] = field(default_factory=dict)
    consents: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    court_id: str = ""
    to_court: str = ""
    reason: str = ""
    rated: dict[str, int] = field(default_factory=dict)
    text: str = ""
    parties: list[dict[str, Any]] = field(default_factory=list)
    agreement: dict[str, str] = field(default_factory=dict)
    dangers: list[dict[str, Any]] = field(default_factory=list)

    def party_of(self, actor: Actor) -> str:
        """Which party this person is, or ""."""
        return next((p["id"] for p in self.parties if actor.id and p.get("resident_id") == actor.id), "")

    def awaited(self, what: str) -> list[dict[str, Any]]:
        """The parties who did not yet do what AWAITED names."""
        did: dict[str, set[str]] = {
            "unsigned": {signature["by"].removeprefix("party:") for signature in self.signatures},
            "unapplied": set(self.applied),
            "unconsented": set(self.consents),
            "unchosen": set(self.choices),
        }
        return [p for p in self.parties if p["id"] not in did[what]]

    def opens_to(self, actor: Actor) -> bool:
        """The parties; mediators, the station, and the police liaison where there is danger."""
        if actor.key and actor.key in self.found_by:
            return True
        if self.hides_from(actor):
            return False
        if actor.is_one_of("police_liaison") and "danger" in self.found_by:
            return True
        return actor.is_one_of("mediator", "worker", "duty_lead", "secretary", "street_officer")

    @property
    def confirmable(self) -> bool:
        """Whether a court may confirm it: not about marriage, adoption or status (法释〔2011〕5号 art. 4)."""
        return self.kind not in STATUS and not self.status_matter

    @property
    def rounds(self) -> int:
        """How often the parties came back: each time may end in another matter before the court."""
        return sum(act["act"] == "resumed" for act in self.history)


Decided = tuple[Dispute, list[Event]]


def seen_by(dispute: Dispute, actor: Actor) -> Dispute:
    """A party sees what is shared and its own, whatever else it is here; a mediator all; the station nothing that was told
    in confidence."""
    own = dispute.party_of(actor)
    if not own:
        seen = dispute.but(history=[act for act in dispute.history if act["act"] in FOR_STAFF])
        if actor.is_one_of("mediator"):
            return seen
        return seen.but(notes=[n for n in dispute.notes if not n["internal"] and not n.get("only")])
    return dispute.but(
        notes=[n for n in dispute.notes if not n["internal"] and n.get("only", "") in ("", own)],
        parties=[p if p["id"] == own else {"id": p["id"], "name": p.get("name", "")} for p in dispute.parties],
        history=acts_shown(dispute.history, FOR_PARTIES),
        choices={party: ids for party, ids in dispute.choices.items() if party == own},
        rated={party: stars for party, stars in dispute.rated.items() if party == own},
        dangers=[],
    )


def acts_shown(history: list[dict[str, Any]], acts: frozenset[str]) -> list[dict[str, Any]]:
    """These acts of a history, without who did them and without any document."""
    return [{k: v for k, v in act.items() if k in SHOWN} for act in history if act["act"] in acts]


def open_dispute(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Two parties or more; it usually ends within a month."""
    if len(facts["parties"]) < 2:
        raise Invalid("parties_missing", "a dispute has at least two parties", "parties")
    made = Dispute(id=id, **facts)
    made = start(made, locale, "mediation", "mediation.end", locale.today(at)).acted(actor, "opened", at)
    return made, [catalogue.DisputeOpened(id, made.number, made.kind, made.petition_id, at)]


def set_mediators(dispute: Dispute, ids: list[str], chosen: bool, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """One or several mediate (art. 19), none of them a party. A replaced one's signature does not count any more."""
    _must_not_be_over(dispute)
    _check_no_party(dispute, ids)
    changed = dispute.become(MEDIATING) if dispute.state == OPENED else dispute
    signers = {f"mediator:{id}" for id in ids}
    found_by = [key for key in changed.found_by if not key.startswith("mediator:")] + sorted(signers)
    signatures = [s for s in changed.signatures if not s["by"].startswith("mediator:") or s["by"] in signers]
    changed = changed.but(mediators=ids, chosen=chosen, assignee=ids[0], found_by=found_by, signatures=signatures)
    return changed.acted(actor, "mediators_set", at, chosen=chosen), [
        catalogue.DisputeMediatorsSet(dispute.id, dispute.number, chosen, actor.role, at)
    ]


def choose_mediators(dispute: Dispute, ids: list[str], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party's choice; what all parties chose holds."""
    _must_not_be_over(dispute)
    _check_no_party(dispute, ids)
    changed = dispute.but(choices=dispute.choices | {standing(dispute, "", "", actor): sorted(ids)})
    changed = changed.acted(actor, "mediators_proposed", at)
    agreed = not changed.awaited("unchosen") and len({tuple(c) for c in changed.choices.values()}) == 1
    events: list[Event] = [catalogue.MediatorsProposed(dispute.id, dispute.number, agreed, at)]
    if agreed:
        changed, more = set_mediators(changed, sorted(ids), True, actor, locale, at)
        events += more
    return changed, events


def refuse(dispute: Dispute, reason: str, who: str, how: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party's express refusal stops it at once (art. 17), its own or one that the mediator records; other ways stay open."""
    own = standing(dispute, who, how, actor)
    return _end(dispute.noted(actor, "recorded", how, at), REFUSED, "refused", reason, actor, locale, at, party=own)


def fail(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It did not succeed: ended, and the remedies are told (art. 26)."""
    check_impartial(dispute, actor)
    return _end(dispute, FAILED, "failed", reason, actor, locale, at)


def withdraw(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """All that is settled otherwise."""
    check_impartial(dispute, actor)
    return _end(dispute, WITHDRAWN, "withdrawn", reason, actor, locale, at)


def resume_mediation(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The parties come back, and begin anew: nothing that was signed, agreed to or asked for before holds."""
    check_impartial(dispute, actor)
    anew = dispute.become(
        MEDIATING,
        reason="",
        signatures=[],
        digest="",
        form="",
        effective_on="",
        status_matter=False,
        consents=[],
        applied=[],
        reminded=[],
        court_id="",
        to_court="",
    )
    changed = start(anew, locale, "mediation", "mediation.end", locale.today(at))
    changed = changed.noted(actor, "resumed", reason, at).acted(actor, "resumed", at)
    return changed, [catalogue.DisputeOpened(dispute.id, dispute.number, dispute.kind, dispute.petition_id, at)]


def note(dispute: Dispute, text: str, private: bool, actor: Actor, at: datetime) -> Decided:
    """Written down: for all, or (`private`) for the mediators alone, whoever writes it."""
    own = dispute.party_of(actor)
    changed = dispute.noted(actor, "note", text, at, private and not own)
    if private and own:
        changed = changed.but(notes=[*changed.notes[:-1], changed.notes[-1] | {"only": own}])
    return changed, [catalogue.DisputeNoted(dispute.id, dispute.number, actor.role, not private, at)]


# -- danger, rating


def danger(dispute: Dispute, kind: str, text: str, actor: Actor, at: datetime) -> Decided:
    """Told to the police liaison at once; that, and when, is kept (art. 25)."""
    entry = {"kind": kind, "text": text, "at": at.isoformat(), "role": actor.role, "acknowledged_at": ""}
    changed = dispute.but(dangers=[*dispute.dangers, entry], found_by=[*dict.fromkeys([*dispute.found_by, "danger"])])
    return changed.acted(actor, "danger", at, kind=kind), [catalogue.DangerReported(dispute.id, dispute.number, kind, at)]


def acknowledge_danger(dispute: Dispute, text: str, actor: Actor, at: datetime) -> Decided:
    """The police liaison has it: the contact, with its time."""
    if not any(not entry["acknowledged_at"] for entry in dispute.dangers):
        raise Conflict("no_danger", "nothing waits for the police liaison")
    dangers = [entry | {"acknowledged_at": entry["acknowledged_at"] or at.isoformat()} for entry in dispute.dangers]
    changed = dispute.but(dangers=dangers).noted(actor, "police", text, at, internal=True)
    return changed.acted(actor, "police_contact", at), [catalogue.DangerAcknowledged(dispute.id, dispute.number, at)]


def rate(dispute: Dispute, stars: int, reason: str, actor: Actor, at: datetime) -> Decided:
    """By each party, once it is over or agreed."""
    own = standing(dispute, "", "", actor)
    if dispute.state not in OVER | {EFFECTIVE}:
        raise Conflict("not_decided", "it can be rated once it is over")
    if own in dispute.rated:
        raise Conflict("already_rated", "you rated it before")
    if stars <= 2 and not reason:
        raise Invalid("reason_missing", "say why", "reason")
    changed = dispute.but(rated=dispute.rated | {own: stars}).noted(actor, "rating", reason, at, internal=True)
    return changed, [catalogue.DisputeRated(dispute.id, dispute.number, stars, stars <= 2, at)]


# -- sittings and time


def may_sit(dispute: Dispute) -> None:
    """Whether a sitting can be asked for. Raises Conflict("already_over")."""
    _must_not_be_over(dispute)


def sitting(dispute: Dispute, request_id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A mediation is asked for, or its answer came: the parties are told of what is held, and of what was and is not any
    more; the mediator of the rest."""
    known, over = dispute.sittings.get(request_id), dispute.state in OVER
    if not is_news(known, facts):
        return dispute, []
    if over and facts["state"] in ("asked", "booked"):
        # Nobody is told of what nobody needs: it is kept as asked for, and given back.
        return wake(dispute.but(sittings=dispute.sittings | {request_id: facts | {"state": "asked"}}), locale, at), []
    changed = wake(dispute.but(sittings=dispute.sittings | {request_id: facts}), locale, at)
    if facts["state"] == "asked":
        return changed, []
    if facts["state"] == "booked":
        return changed, [catalogue.MediationScheduled(dispute.id, dispute.number, facts["start"], facts["end"], at)]
    held = known is not None and known["state"] == "booked"
    return changed, [catalogue.MediationUnscheduled(dispute.id, dispute.number, facts["reason"], at, held)]


def idle_sittings(dispute: Dispute, at: datetime) -> list[str]:
    """Its sittings to come that are not needed any more."""
    return unneeded(dispute.sittings, dispute.state in OVER, "", at)


def wake(dispute: Dispute, locale: Locale, at: datetime) -> Dispute:
    """With the time at which something is to be done next: at a deadline, a reminder, or at once where a crash may have
    left something undone."""
    woken: Dispute = wind(dispute, locale)
    moments = [woken.due] if woken.due else []
    window = dispute.clock("confirmation_window")
    if window is not None and window["state"] == "running":
        last = date.fromisoformat(window["due"])
        moments += [
            at_clock(last - timedelta(days=n), WARN_AT, locale.zone) for n in REMINDER_DAYS_BEFORE if n not in dispute.reminded
        ]
    if dispute.to_court or idle_sittings(dispute, at):
        moments.append(at)
    return woken.but(due=min(moments, default=None))


def _end(
    dispute: Dispute, state: str, outcome: str, reason: str, actor: Actor, locale: Locale, at: datetime, **codes: Any
) -> Decided:
    changed = stop(dispute.become(state, reason=outcome), locale, state="off").noted(actor, outcome, reason, at)
    changed = wake(changed, locale, at).acted(actor, "ended", at, outcome=outcome, **codes)
    remedies = "remedies" if state in (FAILED, REFUSED) else ""
    return changed, [catalogue.DisputeEnded(dispute.id, dispute.number, outcome, remedies, at)]


# -- who may


def standing(dispute: Dispute, who: str, how: str, actor: Actor) -> str:
    """For which party somebody acts: their own; or one (`who`) for whom a mediator records it, and `how` it was given.

    Raises Forbidden (`not_a_party`, `not_yours`), Invalid("how_missing"), Missing("party_missing").
    """
    own = dispute.party_of(actor)
    if own:
        if who not in ("", own):
            raise Forbidden("not_yours", "a party acts for itself")
        return own
    if not who or actor.id not in dispute.mediators:
        raise Forbidden("not_a_party", "only a party may, or its mediator for one")
    if not how:
        raise Invalid("how_missing", "say how the party gave it", "how")
    return str(party(dispute, who)["id"])


def check_impartial(dispute: Dispute, actor: Actor) -> None:
    """Raises Forbidden("not_impartial") for a party who would act as one of the house."""
    if dispute.party_of(actor):
        raise Forbidden("not_impartial", "a party does not conduct its own dispute")


def party(dispute: Dispute, id: str) -> dict[str, Any]:
    """One party. Raises Missing."""
    found = next((p for p in dispute.parties if p["id"] == id), None)
    if found is None:
        raise Missing("party_missing", "no such party")
    return found


def _check_no_party(dispute: Dispute, ids: list[str]) -> None:
    if any(p.get("resident_id") in ids for p in dispute.parties):
        raise Conflict("mediator_is_party", "a party cannot mediate")


def _must_not_be_over(dispute: Dispute) -> None:
    if dispute.state in OVER:
        raise Conflict("already_over", "it is over", state=dispute.state)
