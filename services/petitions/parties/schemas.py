"""The HTTP shapes of whom a case concerns."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Id


class AskedCase(Schema):
    community = fields.String(required=True)
    case = fields.String(required=True, validate=validate.Length(max=20))
    id = Id(required=True)
    parties = fields.List(fields.String(), required=True, validate=validate.Length(max=10))


class AskParties(Schema):
    cases = fields.List(fields.Nested(AskedCase), required=True, validate=validate.Length(min=1, max=100))


class CaseView(Schema):
    people = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)
    hidden_from = fields.List(fields.String(), required=True)
    quiet = fields.Boolean(required=True, metadata={"description": "messages to whoever filed it must not name the case"})
    private = fields.Boolean(required=True, metadata={"description": "what anybody is told of it is theirs alone"})


class PartiesView(Schema):
    cases = fields.List(fields.Nested(CaseView, allow_none=True), required=True)
