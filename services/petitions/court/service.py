"""Entrypoints: the micro-court's hearings, and confirmations of agreements."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import LONG, WORDS, DeadlineView, NoteView
from services.petitions.court import domain
from services.petitions.court.handlers import COURT_CASES
from services.petitions.court.handlers import Court as Handlers
from services.petitions.disputes.schemas import AskSitting, Party, SittingShown
from services.petitions.domain import explained
from shared.entrypoints.api import api
from shared.entrypoints.fields import Id, Moment, Paging, Text
from shared.rules.roles import COURT, GUARDIAN, RESIDENT
from shared.runtime.platform import Provided, Stored

READERS = {COURT, RESIDENT, GUARDIAN}


class AcceptCase(Schema):
    case_number = Text(80, required=True)
    judge = Id(load_default="")


class DeclineCase(Schema):
    reason = Text(WORDS, required=True)


class WriteOutcome(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["settled", "failed", "confirmed", "refused"]))
    case_number = Text(80, required=True)
    text = Text(LONG, load_default="")


class CourtLine(Schema):
    id = fields.String(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    case_number = fields.String(required=True)
    dispute_id = fields.String(required=True)
    dispute_number = fields.String(required=True)
    next_due = Moment(required=True, allow_none=True)


class CourtView(CourtLine):
    responsible_authority = fields.String(required=True)
    judge = fields.String(required=True)
    current = fields.String(required=True)
    parties = fields.List(fields.Nested(Party), required=True)
    sittings = fields.Dict(keys=fields.String(), values=fields.Nested(SittingShown), required=True)
    outcome = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    notes = fields.List(fields.Nested(NoteView), required=True)
    deadlines = fields.Function(
        lambda c: [DeadlineView().dump(explained(clock)) for clock in c.clocks], metadata={"type": "array"}
    )


class Held(SittingShown):
    id = fields.String(required=True)
    number = fields.String(required=True)
    case_number = fields.String(required=True)


class CalendarView(Schema):
    items = fields.List(fields.Nested(Held), required=True)


def _moves(path: str, takes: Any) -> Any:
    """An act of the court."""
    whole = f"/{{community}}/hearings/{{id}}/{path}"
    return api("POST", whole, takes=takes, gives=CourtView, allow={COURT}, status=200)


class Hearings:
    """Hearings, their outcomes and confirmations of agreements, over HTTP."""

    court_cases = Stored(COURT_CASES)
    court: Any = Provided(Handlers)

    @api("GET", "/{community}/hearings", query=Paging, gives=CourtLine, allow=READERS)
    def list_hearings(self, call):
        return self.court.page(call)

    @api("GET", "/{community}/hearings/calendar", gives=CalendarView, allow={COURT})
    def hearing_calendar(self, call):
        return {"items": self.court.calendar(call)}

    @api("GET", "/{community}/hearings/{id}", gives=CourtView, allow=READERS, audited="court_file_read")
    def read_hearing(self, call, id):
        return self.court.read(call, id)

    @_moves("accept", AcceptCase)
    def accept_hearing(self, call, id):
        return self.court.act(call, id, domain.accept, call.body["case_number"], call.body["judge"])

    @_moves("decline", DeclineCase)
    def decline_hearing(self, call, id):
        return self.court.act(call, id, domain.decline, call.body["reason"])

    @_moves("extend", None)
    def extend_hearing(self, call, id):
        return self.court.act(call, id, domain.lengthen)

    @_moves("schedule", AskSitting)
    def schedule_hearing(self, call, id):
        return self.court.schedule(call, id)

    @_moves("outcome", WriteOutcome)
    def write_outcome(self, call, id):
        body = call.body
        return self.court.act(call, id, domain.write_outcome, body["outcome"], body["case_number"], body["text"])
