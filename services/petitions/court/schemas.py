"""The HTTP shapes of court matters."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import REASON_CHARACTERS, TEXT_CHARACTERS, DeadlineView, NoteView
from services.petitions.disputes.schemas import Party, SittingShown
from services.petitions.domain import explained
from shared.entrypoints.fields import Id, Moment, Text


class AcceptCase(Schema):
    case_number = Text(80, required=True)
    judge = Id(load_default="")


class DeclineCase(Schema):
    reason = Text(REASON_CHARACTERS, required=True)


class WriteOutcome(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["settled", "failed", "confirmed", "refused"]))
    case_number = Text(80, required=True)
    text = Text(TEXT_CHARACTERS, load_default="")


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
