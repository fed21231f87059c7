"""The HTTP shapes of opening a seal."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.petitions.cases.schemas import Petitioner
from shared.entrypoints.fields import Moment, Text


class AskToOpen(Schema):
    purpose = Text(500, required=True)


class RequestView(Schema):
    id = fields.String(required=True)
    by = fields.String(required=True)
    purpose = fields.String(required=True)
    at = Moment(required=True)
    until = Moment(required=True, allow_none=True)
    granted = fields.Function(lambda r: bool(r["granted_by"]), metadata={"type": "boolean"})
    views = fields.Integer(required=True)


class IdentityView(Schema):
    petitioners = fields.List(fields.Nested(Petitioner), required=True)
    until = Moment(required=True)
