"""The HTTP shapes of a case's acts."""

from __future__ import annotations

from marshmallow import Schema, fields

from shared.entrypoints.fields import Id, Moment


class AskActs(Schema):
    case = Id(required=True)


class ActView(Schema):
    """One entry of the chain: its number, its hash and that of the entry before it."""

    n = fields.Integer(required=True)
    act = fields.String(required=True)
    actor = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    at = Moment(required=True)
    prev = fields.String(required=True)
    hash = fields.String(required=True)


class ActsView(Schema):
    items = fields.List(fields.Nested(ActView), required=True)
