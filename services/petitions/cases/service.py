"""Entrypoints: petitions."""

from __future__ import annotations

from typing import Any

from services.petitions.cases import domain, schemas
from services.petitions.cases.handlers import OFFICE, PETITIONS, Station
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.rules.roles import EVERYBODY, GUARDIAN, RESIDENT
from shared.runtime.platform import Provided, Stored

PETITIONERS = {RESIDENT, GUARDIAN}


def _moves(path: str, takes: Any, allow: Any = OFFICE) -> Any:
    """An act on one petition."""
    return api(
        "POST", f"/{{community}}/petitions/{{id}}/{path}", takes=takes, gives=schemas.PetitionView, allow=allow, status=200
    )


class Cases:
    """Petitions over HTTP, and the timers of their clocks."""

    petitions = Stored(PETITIONS)
    station: Any = Provided(Station)

    # -- in, and looking

    @api("POST", "/{community}/petitions", takes=schemas.FilePetition, gives=schemas.FiledView, allow=EVERYBODY, guests=True)
    def file_petition(self, call):
        return self.station.file(call)

    @api("GET", "/{community}/petitions", query=schemas.PetitionQuery, gives=schemas.PetitionLine, allow=OFFICE | PETITIONERS)
    def list_petitions(self, call):
        return self.station.page(call)

    @api(
        "POST",
        "/{community}/petitions/search",
        takes=schemas.Search,
        gives=schemas.PetitionLine,
        allow=OFFICE,
        status=200,
        idempotent=False,
    )
    def search_petitions(self, call):
        return self.station.search(call)

    @api("GET", "/{community}/petitions/due-soon", query=Paging, gives=schemas.PetitionLine, allow=OFFICE)
    def petitions_due_soon(self, call):
        return self.station.due_soon(call)

    @api("GET", "/{community}/petitions/{id}", gives=schemas.PetitionView, allow=OFFICE | PETITIONERS, audited="petition_read")
    def read_petition(self, call, id):
        return self.station.read(call, id)

    # -- acts of the station and of the authority

    @_moves("register", schemas.Register)
    def register_petition(self, call, id):
        body = call.body
        self.station.check_assignee(call, self.station.get(call, id), body["assignee"])
        return self.station.act(call, id, domain.register, body["authority"], body["assignee"])

    @_moves("assign", schemas.HandOver)
    def assign_petition(self, call, id):
        return self.station.assign(call, id, "assigned")

    @_moves("recuse", schemas.Recuse)
    def recuse_petition(self, call, id):
        return self.station.assign(call, id, "recusal")

    @_moves("accept", schemas.Accept)
    def accept_petition(self, call, id):
        return self.station.act(call, id, domain.accept, call.body["document_number"], call.body.get("accepted_at"))

    @_moves("decline", schemas.Decline)
    def decline_petition(self, call, id):
        body = call.body
        return self.station.act(call, id, domain.decline, body["code"], body["reason"], body["document_number"])

    @_moves("forward", schemas.Forward)
    def forward_petition(self, call, id):
        return self.station.act(call, id, domain.forward, call.body["authority"])

    @_moves("settle", schemas.SettleForward)
    def settle_forwarding(self, call, id):
        body = call.body
        return self.station.act(call, id, domain.settle_forward, body["outcome"], body["reason"], body["document_number"])

    @_moves("object", schemas.ObjectTo)
    def object_to_jurisdiction(self, call, id):
        body = call.body
        return self.station.act(call, id, domain.settle_forward, "objected", body["reason"], body["document_number"])

    @_moves("redirect", schemas.Redirect)
    def redirect_petition(self, call, id):
        return self.station.act(call, id, domain.redirect, call.body["route"], call.body["reason"])

    @_moves("extend", schemas.Extend)
    def extend_petition(self, call, id):
        body = call.body
        return self.station.act(call, id, domain.lengthen, body["code"], body["reason"], body["document_number"])

    @_moves("pause", schemas.Pause)
    def pause_petition(self, call, id):
        return self.station.act(call, id, domain.halt, call.body["reason"], call.body["document_number"])

    @_moves("resume", schemas.Resume)
    def resume_petition(self, call, id):
        return self.station.act(call, id, domain.go_on, call.body["document_number"])

    @_moves("answer", schemas.Answer)
    def answer_petition(self, call, id):
        body = dict(call.body)
        outcome, document = body.pop("outcome"), body.pop("document_number")
        return self.station.act(call, id, domain.answer, outcome, body, document)

    @_moves("deliver", schemas.Deliver)
    def record_delivery(self, call, id):
        return self.station.act(call, id, domain.deliver, call.body.get("delivered_at", call.at))

    @_moves("duplicate", schemas.Link)
    def link_duplicate(self, call, id):
        return self.station.link(call, id)

    @_moves("urgent", schemas.Urgent)
    def report_urgent(self, call, id):
        return self.station.act(call, id, domain.mark_urgent, call.body["reason"], timed=False)

    # -- acts of the petitioner, or taken down for them

    # Its reply is short: kept replies of a case with hundreds of notes would each hold all of them.
    @api(
        "POST",
        "/{community}/petitions/{id}/supplement",
        takes=schemas.Supplement,
        gives=schemas.PetitionLine,
        allow=OFFICE | PETITIONERS,
        status=200,
    )
    def supplement_petition(self, call, id):
        body, internal = call.body, call.body["internal"] and call.is_one_of(*OFFICE)
        self.station.attachments.check(call, body["attachments"])
        return self.station.own(call, id, domain.supplement, body["text"], body["attachments"], internal, timed=False)

    @_moves("review", schemas.Reason, OFFICE | PETITIONERS)
    def ask_for_review(self, call, id):
        return self.station.own(call, id, domain.ask_review, call.body["reason"])

    @_moves("withdraw", schemas.Reason, OFFICE | PETITIONERS)
    def withdraw_petition(self, call, id):
        return self.station.own(call, id, domain.withdraw, call.body["reason"])

    @_moves("reopen", schemas.Reopen, OFFICE | PETITIONERS)
    def reopen_petition(self, call, id):
        return self.station.own(call, id, domain.reopen, call.body["new_facts"])

    @_moves("rate", schemas.Rate, PETITIONERS)
    def rate_petition(self, call, id):
        return self.station.own(call, id, domain.rate, call.body["stars"], call.body["reason"], timed=False)
