"""The HTTP shapes of households."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Id, Text


class FoundHousehold(Schema):
    address = Text(300, required=True)
    members = fields.List(Id(), required=True, validate=validate.Length(min=1, max=30))


class SetMembers(Schema):
    members = fields.List(Id(), required=True, validate=validate.Length(min=1, max=30))


class HouseholdView(Schema):
    id = fields.String(required=True)
    address = fields.String(required=True)
    members = fields.List(fields.String(), required=True)
