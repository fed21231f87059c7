"""Disputes: mediation by people whom the parties may choose, an agreement that binds, and what becomes of it (人民调解法)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from services.petitions.domain import Actor, Case, start, stop, wind
from shared.calendar import at_clock
from shared.errors import Conflict, Forbidden, Invalid, Missing
from shared.events import petitions as said
from shared.events.base import Event
from shared.law import WARN_AT, Locale

KINDS = ("邻里", "婚姻家庭", "赡养", "继承", "租赁", "物业", "债务", "损害赔偿", "劳动", "宠物")
STATUS = frozenset({"婚姻家庭"})  # marriage, adoption, status: no court confirms these
OPENED, MEDIATING, EFFECTIVE = "opened", "mediating", "effective"
PERFORMED, REFUSED, FAILED, WITHDRAWN = "performed", "refused", "failed", "withdrawn"
OVER = frozenset({PERFORMED, REFUSED, FAILED, WITHDRAWN})
PARTS = ("facts", "terms", "method", "deadline")
REMIND = (10, 3, 1)  # days before the last one on which the court can be asked


@dataclass(frozen=True, kw_only=True)
class Dispute(Case):
    """One dispute. `parties` are `{id, resident_id?, name, phone?}`; `signatures` `{by, how, digest, at}` where `by` is
    `party:<id>`, `mediator:<id>` or `committee`; `sittings` by request `{start, end, state, reason, choices}`; a note's
    `only` names the party who wrote it for the mediators alone."""

    CASE: ClassVar = "dispute"
    PERSONAL: ClassVar = ("text", "parties", "notes", "agreement", "dangers")
    LIFECYCLE: ClassVar = {
        OPENED: {MEDIATING, REFUSED, FAILED, WITHDRAWN},
        MEDIATING: {EFFECTIVE, REFUSED, FAILED, WITHDRAWN},
        EFFECTIVE: {PERFORMED, FAILED},
        PERFORMED: set(),
        REFUSED: {MEDIATING},
        FAILED: {MEDIATING},
        WITHDRAWN: {MEDIATING},
    }

    kind: str = "邻里"
    state: str = OPENED
    petition_id: str = ""
    petition_number: str = ""
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
    reason: str = ""
    rated: dict[str, int] = field(default_factory=dict)
    text: str = ""
    parties: list[dict[str, Any]] = field(default_factory=list)
    agreement: dict[str, str] = field(default_factory=dict)
    dangers: list[dict[str, Any]] = field(default_factory=list)

    def party_of(self, actor: Actor) -> str:
        """Which party this person is, or ""."""
        return next((p["id"] for p in self.parties if actor.id and p.get("resident_id") == actor.id), "")

    def visible_to(self, actor: Actor) -> bool:
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
        """Whether a court may confirm it: written, and not about marriage, adoption or status (法释〔2011〕5号 art. 4)."""
        return self.form == "written" and self.kind not in STATUS and not self.status_matter


Decided = tuple[Dispute, list[Event]]


def seen_by(dispute: Dispute, actor: Actor) -> Dispute:
    """A party sees what is shared and its own; a mediator all; the station nothing that was told in confidence."""
    if actor.is_one_of("mediator"):
        return dispute
    own = dispute.party_of(actor)
    notes = [n for n in dispute.notes if not n["internal"] and n.get("only", "") in ("", own)]
    if not own:
        return dispute.but(notes=[n for n in notes if not n.get("only")])
    parties = [p if p["id"] == own else {"id": p["id"], "name": p.get("name", "")} for p in dispute.parties]
    history = [{k: v for k, v in act.items() if k != "by"} for act in dispute.history]
    choices = {party: ids for party, ids in dispute.choices.items() if party == own}
    rated = {party: stars for party, stars in dispute.rated.items() if party == own}
    return dispute.but(notes=notes, parties=parties, history=history, choices=choices, rated=rated, dangers=[])


def open_dispute(id: str, facts: dict[str, Any], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Two parties or more; it usually ends within a month."""
    if len(facts["parties"]) < 2:
        raise Invalid("parties_missing", "a dispute has at least two parties", "parties")
    made = Dispute(id=id, **facts)
    made = start(made, locale, "mediation", "mediation.end", locale.today(at)).acted(actor, "opened", at)
    return made, [said.DisputeOpened(id, made.number, made.kind, made.petition_id, at)]


def set_mediators(dispute: Dispute, ids: list[str], chosen: bool, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """One or several mediate (art. 19)."""
    _must_not_be_over(dispute)
    changed = dispute.become(MEDIATING) if dispute.state == OPENED else dispute
    found_by = [key for key in changed.found_by if not key.startswith("mediator:")] + [f"mediator:{id}" for id in ids]
    changed = changed.but(mediators=ids, chosen=chosen, assignee=ids[0], found_by=found_by)
    return changed.acted(actor, "mediators_set", at, chosen=chosen), [
        said.DisputeMediatorsSet(dispute.id, dispute.number, chosen, actor.role, at)
    ]


def choose_mediators(dispute: Dispute, ids: list[str], actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party's choice; what all parties chose holds."""
    _must_not_be_over(dispute)
    changed = dispute.but(choices=dispute.choices | {_party(dispute, actor): sorted(ids)})
    agreed = len(changed.choices) == len(dispute.parties) and len({tuple(c) for c in changed.choices.values()}) == 1
    return set_mediators(changed, sorted(ids), True, actor, locale, at) if agreed else (changed, [])


def refuse(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party's express refusal stops it at once (art. 17); other ways stay open."""
    _party(dispute, actor)
    return _end(dispute, REFUSED, "refused", reason, actor, locale, at)


def fail(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """It did not succeed: ended, and the remedies are told (art. 26)."""
    return _end(dispute, FAILED, "failed", reason, actor, locale, at)


def withdraw(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """All that is settled otherwise."""
    return _end(dispute, WITHDRAWN, "withdrawn", reason, actor, locale, at)


def resume_mediation(dispute: Dispute, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """The parties come back."""
    changed = start(dispute.become(MEDIATING, reason=""), locale, "mediation", "mediation.end", locale.today(at))
    changed = changed.noted(actor, "resumed", reason, at).acted(actor, "resumed", at)
    return changed, [said.DisputeOpened(dispute.id, dispute.number, dispute.kind, dispute.petition_id, at)]


def note(dispute: Dispute, text: str, private: bool, internal: bool, actor: Actor, at: datetime) -> Decided:
    """Written down: for all, for the mediators alone (`internal`), or by a party for the mediators (`private`)."""
    own = dispute.party_of(actor)
    changed = dispute.noted(actor, "note", text, at, internal and not own)
    if private and own:
        changed = changed.but(notes=[*changed.notes[:-1], changed.notes[-1] | {"only": own}])
    return changed, []


# -- the agreement


def draft(dispute: Dispute, parts: dict[str, str], actor: Actor, at: datetime) -> Decided:
    """The shared draft. Another text voids every signature: each is bound to the digest of what was signed."""
    if dispute.state != MEDIATING:
        raise Conflict("not_mediating", "there is no mediation to agree in", state=dispute.state)
    text = {name: parts.get(name, "") for name in PARTS}
    found = digest_of(dispute, text)
    if found == dispute.digest:
        return dispute, []
    changed = dispute.but(agreement=text, digest=found, signatures=[]).acted(actor, "drafted", at, digest=found)
    return changed, [said.AgreementTextChanged(dispute.id, dispute.number, found, at)]


def digest_of(dispute: Dispute, text: dict[str, str]) -> str:
    """What a signature is bound to: the parties and every word."""
    whole = [dispute.number, sorted(p["id"] + "/" + p.get("name", "") for p in dispute.parties), text]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def sign(
    dispute: Dispute, by: str, how: str, digest: str, status_matter: bool, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """A signature, seal or fingerprint. It binds once all parties and a mediator and the committee are on it (art. 29)."""
    if dispute.state != MEDIATING or not dispute.digest:
        raise Conflict("nothing_to_sign", "there is no draft")
    if digest != dispute.digest:
        raise Conflict("text_changed", "the text is another one than you read", digest=dispute.digest)
    if any(signature["by"] == by for signature in dispute.signatures):
        raise Conflict("already_signed", "it is signed")
    signature = {"by": by, "how": how, "digest": digest, "at": at}
    changed = dispute.but(signatures=[*dispute.signatures, signature]).acted(actor, "signed", at, signer=by.partition(":")[0])
    events: list[Event] = [said.AgreementSigned(dispute.id, dispute.number, by.partition(":")[0], digest, at)]
    signed = {s["by"] for s in changed.signatures}
    needed = {f"party:{p['id']}" for p in dispute.parties} | {"committee"}
    if needed <= signed and any(name.startswith("mediator:") for name in signed):
        changed, more = _take_effect(changed.but(status_matter=status_matter), "written", at, actor, locale, at)
        events += more
    return changed, events


def agree_orally(dispute: Dispute, text: str, made_at: datetime, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Recorded by the mediator; it took effect when it was made (art. 28, 30)."""
    if dispute.state != MEDIATING:
        raise Conflict("not_mediating", "there is no mediation to agree in", state=dispute.state)
    if made_at > at:
        raise Invalid("made_in_future", "it cannot have been made later than now", "made_at")
    return _take_effect(dispute.but(agreement={"terms": text}), "oral", made_at, actor, locale, at)


def _take_effect(dispute: Dispute, form: str, effective: datetime, actor: Actor, locale: Locale, at: datetime) -> Decided:
    day, until = locale.today(effective), ""
    changed = stop(dispute.become(EFFECTIVE, form=form, effective_on=day.isoformat()), locale, "mediation")
    if changed.confirmable:
        changed = start(changed, locale, "confirmation_window", "confirmation.ask", day)
        until = changed.clock("confirmation_window")["due"]
        changed = _next_reminder(changed, locale)
    changed = changed.acted(actor, "effective", at, form=form)
    return changed, [said.AgreementEffective(dispute.id, dispute.number, form, until, at)]


def perform(dispute: Dispute, outcome: str, text: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Whether it is kept (art. 31). Refused: the remedies are told, and going to court stays open (art. 32)."""
    if dispute.state != EFFECTIVE:
        raise Conflict("not_effective", "no agreement binds", state=dispute.state)
    changed = dispute.noted(actor, outcome, text, at).acted(actor, "performance", at, outcome=outcome)
    events: list[Event] = [said.PerformanceRecorded(dispute.id, dispute.number, outcome, at)]
    if outcome == "performed":
        changed = stop(changed.become(PERFORMED, reason="performed"), locale, state="off")
        events.append(said.DisputeEnded(dispute.id, dispute.number, "performed", "", at))
    return changed, events


# -- danger, rating, the court


def danger(dispute: Dispute, kind: str, text: str, actor: Actor, at: datetime) -> Decided:
    """Told to the police liaison at once; that, and when, is kept (art. 25)."""
    entry = {"kind": kind, "text": text, "at": at.isoformat(), "role": actor.role, "acknowledged_at": ""}
    changed = dispute.but(dangers=[*dispute.dangers, entry], found_by=[*dict.fromkeys([*dispute.found_by, "danger"])])
    return changed.acted(actor, "danger", at, kind=kind), [said.DangerReported(dispute.id, dispute.number, kind, at)]


def acknowledge_danger(dispute: Dispute, text: str, actor: Actor, at: datetime) -> Decided:
    """The police liaison has it: the contact, with its time."""
    if not any(not entry["acknowledged_at"] for entry in dispute.dangers):
        raise Conflict("no_danger", "nothing waits for the police liaison")
    dangers = [entry | {"acknowledged_at": entry["acknowledged_at"] or at.isoformat()} for entry in dispute.dangers]
    return dispute.but(dangers=dangers).noted(actor, "police", text, at, internal=True).acted(actor, "police_contact", at), []


def rate(dispute: Dispute, stars: int, reason: str, actor: Actor, at: datetime) -> Decided:
    """By each party, once it is over or agreed."""
    own = _party(dispute, actor)
    if dispute.state not in OVER | {EFFECTIVE}:
        raise Conflict("not_decided", "it can be rated once it is over")
    if own in dispute.rated:
        raise Conflict("already_rated", "you rated it before")
    if stars <= 2 and not reason:
        raise Invalid("reason_missing", "say why", "reason")
    changed = dispute.but(rated=dispute.rated | {own: stars}).noted(actor, "rating", reason, at, internal=True)
    return changed, [said.DisputeRated(dispute.id, dispute.number, stars, stars <= 2, at)]


def consent(dispute: Dispute, party: str, actor: Actor, at: datetime) -> Decided:
    """A party agrees that the micro-court takes it."""
    if party in dispute.consents:
        return dispute, []
    return dispute.but(consents=[*dispute.consents, party]).acted(actor, "court_consent", at), []


def refer(dispute: Dispute, court_id: str, actor: Actor, at: datetime) -> Decided:
    """To the micro-court, after a mediation that failed, with the consent of all."""
    if dispute.state != FAILED:
        raise Conflict("not_failed", "only what could not be mediated goes to the court", state=dispute.state)
    if missing := len({p["id"] for p in dispute.parties} - set(dispute.consents)):
        raise Conflict("consent_missing", "both sides must agree", missing=missing)
    return dispute.but(court_id=court_id).acted(actor, "referred", at), []


def apply(dispute: Dispute, court_id: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party applies for confirmation; once all did, jointly, it goes to the court (art. 33)."""
    own = _party(dispute, actor)
    if dispute.state != EFFECTIVE:
        raise Conflict("not_effective", "no agreement binds", state=dispute.state)
    if not dispute.confirmable:
        code = "not_written" if dispute.form != "written" else "not_confirmable"
        raise Conflict(code, "a court confirms written agreements, not on marriage, adoption or status")
    window = dispute.clock("confirmation_window")
    if window is not None and locale.today(at).isoformat() > window["due"]:
        raise Conflict("window_over", "the 30 days are over (art. 33)", until=window["due"])
    if own in dispute.applied:
        return dispute, []
    changed = dispute.but(applied=[*dispute.applied, own]).acted(actor, "applied", at)
    if len(changed.applied) < len(dispute.parties):
        return changed, []
    return stop(changed.but(court_id=court_id), locale, "confirmation_window"), []


# -- sittings and time


def sitting(dispute: Dispute, request_id: str, facts: dict[str, Any], actor: Actor, at: datetime) -> Decided:
    """A mediation is asked for, or its answer came: the parties are told of what is held, the mediator of the rest."""
    before = dispute.sittings.get(request_id, {}).get("state")
    changed = dispute.but(sittings=dispute.sittings | {request_id: facts})
    if before == facts["state"] or facts["state"] == "asked":
        return changed, []
    if facts["state"] == "booked":
        return changed, [said.MediationScheduled(dispute.id, dispute.number, facts["start"], facts["end"], at)]
    return changed, [said.MediationUnscheduled(dispute.id, dispute.number, facts["reason"], at)]


def remind(dispute: Dispute, locale: Locale, at: datetime) -> Decided:
    """10, 3 and 1 day before the last one on which the court can be asked; after it the window is closed."""
    window = dispute.clock("confirmation_window")
    if window is None or window["state"] != "running":
        return wind(dispute, locale), []
    last, today = date.fromisoformat(window["due"]), locale.today(at)
    if today > last:
        return stop(dispute, locale, "confirmation_window", state="off"), []
    passed = [n for n in REMIND if n not in dispute.reminded and at_clock(last - timedelta(days=n), WARN_AT, locale.zone) <= at]
    if not passed:
        return _next_reminder(dispute, locale), []
    changed = _next_reminder(dispute.but(reminded=[*dispute.reminded, *passed]), locale)
    event = said.ConfirmationReminderDue(dispute.id, dispute.number, window["due"], (last - today).days, at)
    return changed, [event]


def _next_reminder(dispute: Dispute, locale: Locale) -> Dispute:
    woken: Dispute = wind(dispute, locale)
    window = dispute.clock("confirmation_window")
    if window is None or window["state"] != "running":
        return woken
    last = date.fromisoformat(window["due"])
    ahead = [at_clock(last - timedelta(days=n), WARN_AT, locale.zone) for n in REMIND if n not in dispute.reminded]
    return woken.but(due=min([*ahead, *([woken.due] if woken.due else [])], default=None))


def _end(dispute: Dispute, state: str, outcome: str, reason: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    changed = stop(dispute.become(state, reason=outcome), locale, state="off").noted(actor, outcome, reason, at)
    return changed.acted(actor, "ended", at, outcome=outcome), [
        said.DisputeEnded(dispute.id, dispute.number, outcome, "remedies" if state in (FAILED, REFUSED) else "", at)
    ]


def _party(dispute: Dispute, actor: Actor) -> str:
    own = dispute.party_of(actor)
    if not own:
        raise Forbidden("not_a_party", "only a party may")
    return own


def party(dispute: Dispute, id: str) -> dict[str, Any]:
    """One party. Raises Missing."""
    found = next((p for p in dispute.parties if p["id"] == id), None)
    if found is None:
        raise Missing("party_missing", "no such party")
    return found


def _must_not_be_over(dispute: Dispute) -> None:
    if dispute.state in OVER:
        raise Conflict("already_over", "it is over", state=dispute.state)
