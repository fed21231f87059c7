"""The HTTP shapes of help requests."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import TEXT_CHARACTERS, Accused, DeadlineView, NoteView
from services.petitions.domain import explained
from shared.entrypoints.fields import Id, Moment, Text


class AskHelp(Schema):
    text = Text(TEXT_CHARACTERS, required=True)
    violence = fields.Boolean(load_default=False)
    urgent = fields.Boolean(load_default=False)
    contact = Text(200, load_default="")
    resident_id = Id()
    accused = fields.Nested(Accused)


class NoteOnHelp(Schema):
    text = Text(TEXT_CHARACTERS, required=True)
    internal = fields.Boolean(load_default=False)


class EndHelp(Schema):
    reason = fields.String(required=True, validate=validate.OneOf(["settled", "passed_on", "taken_back"]))


class HelpLine(Schema):
    id = fields.String(required=True)
    number = fields.String(required=True)
    state = fields.String(required=True)
    urgent = fields.Boolean(required=True)
    born = Moment(required=True)


class HelpView(HelpLine):
    text = fields.String(required=True)
    violence = fields.Boolean(required=True)
    contact = fields.String(required=True)
    assignee = fields.String(required=True)
    responsible_authority = fields.String(required=True)
    reason = fields.String(required=True)
    notes = fields.List(fields.Nested(NoteView), required=True)
    deadlines = fields.Function(
        lambda h: [DeadlineView().dump(explained(clock)) for clock in h.clocks], metadata={"type": "array"}
    )
