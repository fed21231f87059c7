"""Entrypoints: disputes and their mediation."""

from __future__ import annotations

from typing import Any

from services.petitions.disputes import domain, schemas
from services.petitions.disputes.handlers import DISPUTES, HANDLERS, POLICE, Room
from services.petitions.disputes.rules import agreement
from shared.entrypoints.api import api
from shared.rules.roles import GUARDIAN, MEDIATOR, RESIDENT, SECRETARY
from shared.runtime.platform import Provided, Stored

PARTIES = {RESIDENT, GUARDIAN}


def _moves(path: str, takes: Any, allow: Any) -> Any:
    """An act on one dispute."""
    whole = f"/{{community}}/disputes/{{id}}/{path}"
    return api("POST", whole, takes=takes, gives=schemas.DisputeView, allow=allow, status=200)


class Disputes:
    """Disputes, their mediators, sessions, agreements and performance, over HTTP."""

    disputes = Stored(DISPUTES)
    room: Any = Provided(Room)

    @api("POST", "/{community}/disputes", takes=schemas.OpenDispute, gives=schemas.DisputeView, allow=HANDLERS | PARTIES)
    def open_dispute(self, call):
        return self.room.open(call)

    @api(
        "POST", "/{community}/petitions/{id}/mediation", takes=schemas.OfferMediation, gives=schemas.DisputeView, allow=HANDLERS
    )
    def offer_mediation(self, call, id):
        return self.room.offer(call, id)

    @api("GET", "/{community}/disputes", query=schemas.DisputeQuery, gives=schemas.DisputeLine, allow=HANDLERS | PARTIES)
    def list_disputes(self, call):
        return self.room.page(call)

    @api(
        "GET",
        "/{community}/disputes/{id}",
        gives=schemas.DisputeView,
        allow=HANDLERS | PARTIES | POLICE,
        audited="dispute_read",
    )
    def read_dispute(self, call, id):
        return self.room.read(call, id)

    @api("GET", "/{community}/disputes/{id}/timeline", gives=schemas.TimelineView, allow=HANDLERS | PARTIES)
    def read_timeline(self, call, id):
        return {"items": self.room.timeline(call, id)}

    @_moves("mediators", schemas.Mediators, HANDLERS | PARTIES)
    def set_mediators(self, call, id):
        return self.room.mediators(call, id)

    @_moves("refuse", schemas.Refuse, {MEDIATOR} | PARTIES)
    def refuse_mediation(self, call, id):
        body = call.body
        return self.room.act(call, id, domain.refuse, body["reason"], body.get("party", ""), body["how"])

    @_moves("fail", schemas.Why, {MEDIATOR, SECRETARY})
    def end_in_failure(self, call, id):
        return self.room.act(call, id, domain.fail, call.body["reason"])

    @_moves("withdraw", schemas.Why, HANDLERS)
    def withdraw_dispute(self, call, id):
        return self.room.act(call, id, domain.withdraw, call.body["reason"])

    @_moves("resume", schemas.Why, HANDLERS)
    def resume_mediation(self, call, id):
        return self.room.act(call, id, domain.resume_mediation, call.body["reason"])

    @api(
        "POST",
        "/{community}/disputes/{id}/notes",
        takes=schemas.NoteOnDispute,
        gives=schemas.DisputeLine,
        allow={MEDIATOR} | PARTIES,
        status=200,
    )
    def note_on_dispute(self, call, id):
        return self.room.act(call, id, domain.note, call.body["text"], call.body["private"], timed=False)

    @_moves("agreement", schemas.Draft, {MEDIATOR} | PARTIES)
    def draft_agreement(self, call, id):
        return self.room.act(call, id, agreement.draft, call.body, timed=False)

    @_moves("sign", schemas.Sign, {MEDIATOR, SECRETARY} | PARTIES)
    def sign_agreement(self, call, id):
        return self.room.sign(call, id)

    @_moves("oral-agreement", schemas.AgreeOrally, {MEDIATOR})
    def record_oral_agreement(self, call, id):
        body = call.body
        made_at = body.get("made_at", call.at)
        return self.room.act(call, id, agreement.agree_orally, body["terms"], made_at, body["status_matter"])

    @_moves("performance", schemas.Perform, HANDLERS)
    def record_performance(self, call, id):
        return self.room.perform(call, id)

    @_moves("danger", schemas.Danger, HANDLERS)
    def report_danger(self, call, id):
        return self.room.act(call, id, domain.danger, call.body["kind"], call.body["text"], timed=False)

    @_moves("danger/acknowledge", schemas.Acknowledge, POLICE)
    def acknowledge_danger(self, call, id):
        return self.room.act(call, id, domain.acknowledge_danger, call.body["text"], timed=False)

    @_moves("sittings", schemas.AskSitting, HANDLERS)
    def ask_for_sitting(self, call, id):
        return self.room.ask_sitting(call, id)

    @_moves("consent", schemas.Consent, HANDLERS | PARTIES)
    def consent_to_court(self, call, id):
        return self.room.consent(call, id)

    @_moves("refer", None, HANDLERS)
    def refer_to_court(self, call, id):
        return self.room.refer(call, id)

    @_moves("confirmation", None, PARTIES)
    def apply_for_confirmation(self, call, id):
        return self.room.apply(call, id)

    @_moves("confirmation/record", schemas.RecordApplication, {MEDIATOR})
    def record_application_for_confirmation(self, call, id):
        return self.room.apply(call, id, call.body["party"], call.body["how"])

    @_moves("rate", schemas.RateDispute, PARTIES)
    def rate_mediation(self, call, id):
        return self.room.act(call, id, domain.rate, call.body["stars"], call.body["reason"], timed=False)
