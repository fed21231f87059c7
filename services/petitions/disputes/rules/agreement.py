"""What binds in a dispute: the draft and its signatures, performance, and the way on to the court. Decisions alone."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime, timedelta
from typing import Any

from services.petitions.disputes.domain import (
    EFFECTIVE,
    FAILED,
    MEDIATING,
    PERFORMED,
    REMINDER_DAYS_BEFORE,
    Decided,
    Dispute,
    check_impartial,
    party,
    standing,
    wake,
)
from services.petitions.domain import Actor, pass_time, recompute, start, stop
from shared.events import petitions as catalogue
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.calendar import at_clock
from shared.rules.errors import Conflict, Forbidden, Invalid
from shared.rules.law import WARN_AT

PARTS = ("facts", "terms", "method", "deadline")
# How a mediator may take down a party's signature: each leaves something on paper that is the party's own.
TAKEN_DOWN = ("fingerprint", "seal", "paper")
CONFIRMATION, HEARING = "confirmation", "hearing"
_DAY = re.compile(r"(\d{4})[-年](\d{1,2})[-月](\d{1,2})")


# -- the text and its signatures


def draft(dispute: Dispute, parts: dict[str, str], actor: Actor, at: datetime) -> Decided:
    """The shared draft. Another text voids every signature: each is bound to the digest of what was signed."""
    if dispute.state != MEDIATING:
        raise Conflict("not_mediating", "there is no mediation to agree in", state=dispute.state)
    text = {name: parts.get(name, "") for name in PARTS}
    digest = digest_of(dispute, text)
    if digest == dispute.digest:
        return dispute, []
    changed = dispute.but(agreement=text, digest=digest, signatures=[], status_matter=False)
    changed = changed.acted(actor, "drafted", at, digest=digest)
    return changed, [catalogue.AgreementTextChanged(dispute.id, dispute.number, digest, at)]


def digest_of(dispute: Dispute, text: dict[str, str]) -> str:
    """What a signature is bound to: the parties and every word."""
    whole = [dispute.number, sorted(p["id"] + "/" + p.get("name", "") for p in dispute.parties), text]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def sign(
    dispute: Dispute, by: dict[str, Any], how: str, digest: str, status_matter: bool, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """A signature, seal or fingerprint, of a `party`, the mediator or the `committee`. It binds once all parties and a
    mediator and the committee are on it (art. 29)."""
    signer = _signer(dispute, by.get("party", ""), by.get("committee", False), how, actor)
    if dispute.state != MEDIATING or not dispute.digest:
        raise Conflict("nothing_to_sign", "there is no draft")
    if digest != dispute.digest:
        raise Conflict("text_changed", "the text is another one than you read", digest=dispute.digest)
    if any(signature["by"] == signer for signature in dispute.signatures):
        raise Conflict("already_signed", "it is signed")
    kind = signer.partition(":")[0]
    signature = {"by": signer, "how": how, "digest": digest, "at": at}
    changed = dispute.but(
        signatures=[*dispute.signatures, signature], status_matter=dispute.status_matter or status_matter
    ).acted(actor, "signed", at, signer=kind)
    events: list[Event] = [catalogue.AgreementSigned(dispute.id, dispute.number, kind, digest, at)]
    signed = {s["by"] for s in changed.signatures}
    needed = {f"party:{p['id']}" for p in dispute.parties} | {"committee"}
    if needed <= signed and any(f"mediator:{id}" in signed for id in dispute.mediators):
        changed, more = _take_effect(changed, "written", at, actor, locale, at)
        events += more
    return changed, events


def _signer(dispute: Dispute, id: str, committee: bool, how: str, actor: Actor) -> str:
    """Whose signature it is: a party's own; a mediator's, or a party's that they take down; the committee's seal."""
    own = dispute.party_of(actor)
    if committee:
        check_impartial(dispute, actor)
        if not actor.is_one_of("secretary"):
            raise Forbidden("role_missing", "the committee's seal is the secretary's")
        return "committee"
    if own:
        if id not in ("", own):
            raise Forbidden("not_yours", "a party signs for itself")
        return f"party:{own}"
    if actor.id not in dispute.mediators:
        raise Forbidden("not_a_party", "only parties and their mediators sign")
    if not id:
        return f"mediator:{actor.id}"
    if how not in TAKEN_DOWN:
        raise Invalid("how_unfit", f"a party's that is taken down is one of: {', '.join(TAKEN_DOWN)}", "how")
    return f"party:{party(dispute, id)['id']}"


def agree_orally(
    dispute: Dispute, text: str, made_at: datetime, status_matter: bool, actor: Actor, locale: Locale, at: datetime
) -> Decided:
    """Recorded by the mediator; it took effect when it was made (art. 28, 30)."""
    if actor.id not in dispute.mediators:
        raise Forbidden("not_the_mediator", "who mediates records what was agreed")
    if dispute.state != MEDIATING:
        raise Conflict("not_mediating", "there is no mediation to agree in", state=dispute.state)
    if made_at > at:
        raise Invalid("made_in_future", "it cannot have been made later than now", "made_at")
    terms = {"terms": text}
    changed = dispute.but(agreement=terms, digest=digest_of(dispute, terms), signatures=[], status_matter=status_matter)
    return _take_effect(changed, "oral", made_at, actor, locale, at)


def _take_effect(dispute: Dispute, form: str, effective: datetime, actor: Actor, locale: Locale, at: datetime) -> Decided:
    day, until = locale.today(effective), ""
    changed = stop(dispute.become(EFFECTIVE, form=form, effective_on=day.isoformat()), locale, "mediation")
    if changed.confirmable:
        changed = start(changed, locale, "confirmation_window", "confirmation.ask", day)
        until = changed.clock("confirmation_window")["due"]
    agreed = agreed_day(changed.agreement.get("deadline", ""))
    if agreed is not None and agreed >= day:
        changed = start(changed, locale, "performance", "promise.performance_agreed", agreed)
    else:
        changed = start(changed, locale, "performance", "promise.performance", day)
    changed = wake(changed, locale, at).acted(actor, "effective", at, form=form)
    return changed, [catalogue.AgreementEffective(dispute.id, dispute.number, form, until, at)]


# -- performance


def agreed_day(text: str) -> date | None:
    """The day that a deadline names, written 2026-12-31 or 2026年12月31日; the last one of several."""
    last = None
    for year, month, day in _DAY.findall(text):
        try:
            last = date(int(year), int(month), int(day))
        except ValueError:
            continue
    return last


def perform(dispute: Dispute, outcome: str, text: str, settled: bool, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """Whether it is kept (art. 31), an agreement or what the court `settled`. Refused: the remedies are told, and going to
    court stays open (art. 32). In part: it is asked again in a while."""
    check_impartial(dispute, actor)
    if dispute.state != EFFECTIVE and not (dispute.state == FAILED and settled):
        raise Conflict("not_effective", "no agreement binds", state=dispute.state)
    changed = dispute.noted(actor, outcome, text, at).acted(actor, "performance", at, outcome=outcome)
    events: list[Event] = [catalogue.PerformanceRecorded(dispute.id, dispute.number, outcome, at)]
    if outcome == "performed":
        changed = stop(changed.become(PERFORMED, reason="performed"), locale, state="off")
        events.append(catalogue.DisputeEnded(dispute.id, dispute.number, "performed", "", at))
    else:
        changed = stop(changed, locale, "performance")
    if outcome == "partly":
        changed = start(changed, locale, "performance", "promise.performance", locale.today(at))
    return wake(changed, locale, at), events


# -- the court


def consent(dispute: Dispute, who: str, actor: Actor, at: datetime) -> Decided:
    """A party agrees that the micro-court takes it."""
    if who in dispute.consents:
        return dispute, []
    changed = dispute.but(consents=[*dispute.consents, who]).acted(actor, "court_consent", at)
    return changed, [catalogue.CourtConsentGiven(dispute.id, dispute.number, len(changed.awaited("unconsented")), at)]


def refer(dispute: Dispute, court_id: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """To the micro-court, after a mediation that failed, with the consent of all."""
    check_impartial(dispute, actor)
    if dispute.state != FAILED:
        raise Conflict("not_failed", "only what could not be mediated goes to the court", state=dispute.state)
    if missing := len(dispute.awaited("unconsented")):
        raise Conflict("consent_missing", "both sides must agree", missing=missing)
    if dispute.court_id == court_id:
        return dispute, []
    changed = dispute.but(court_id=court_id, to_court=HEARING).acted(actor, "referred", at)
    return wake(changed, locale, at), [catalogue.DisputeReferred(dispute.id, dispute.number, at)]


def apply(dispute: Dispute, who: str, how: str, court_id: str, actor: Actor, locale: Locale, at: datetime) -> Decided:
    """A party applies for confirmation, or a mediator records `how` the party `who` did; once all did, jointly, it goes to
    the court (art. 33)."""
    own = standing(dispute, who, how, actor)
    if dispute.state != EFFECTIVE:
        raise Conflict("not_effective", "no agreement binds", state=dispute.state)
    if not dispute.confirmable:
        raise Conflict("not_confirmable", "a court confirms nothing on marriage, adoption or status")
    window = dispute.clock("confirmation_window")
    if window is not None and locale.today(at).isoformat() > window["due"]:
        raise Conflict("window_over", "the 30 days are over (art. 33)", until=window["due"])
    if own in dispute.applied:
        return dispute, []
    changed = dispute.but(applied=[*dispute.applied, own]).noted(actor, "recorded", how, at)
    changed = changed.acted(actor, "applied", at, party=own)
    missing = len(changed.awaited("unapplied"))
    until = window["due"] if window is not None else ""
    events: list[Event] = [catalogue.ConfirmationApplied(dispute.id, dispute.number, missing, until, at)]
    if not missing:
        changed = stop(changed.but(court_id=court_id, to_court=CONFIRMATION), locale, "confirmation_window")
        changed = wake(changed, locale, at)
    return changed, events


def reached_the_court(dispute: Dispute, locale: Locale, at: datetime) -> Decided:
    """The court has it."""
    return wake(dispute.but(to_court=""), locale, at), []


# -- time


def turn(dispute: Dispute, locale: Locale, at: datetime) -> Decided:
    """What time changes: its deadlines, and the reminders."""
    passed, first = pass_time(dispute, locale, at)
    reminded, then = _remind(passed, locale, at)
    return wake(reminded, locale, at), first + then


def follow(dispute: Dispute, locale: Locale, at: datetime) -> Decided:
    """Its dates by the calendar that is known now."""
    changed, events = recompute(dispute, locale, at)
    return wake(changed, locale, at), events


def _remind(dispute: Dispute, locale: Locale, at: datetime) -> Decided:
    """10, 3 and 1 day before the last one on which the court can be asked; after it the window is closed."""
    window = dispute.clock("confirmation_window")
    if window is None or window["state"] != "running":
        return dispute, []
    last, today = date.fromisoformat(window["due"]), locale.today(at)
    if today > last:
        return stop(dispute, locale, "confirmation_window", state="off"), []
    passed = [
        n
        for n in REMINDER_DAYS_BEFORE
        if n not in dispute.reminded and at_clock(last - timedelta(days=n), WARN_AT, locale.zone) <= at
    ]
    if not passed:
        return dispute, []
    event = catalogue.ConfirmationReminderDue(dispute.id, dispute.number, window["due"], (last - today).days, at)
    return dispute.but(reminded=[*dispute.reminded, *passed]), [event]
