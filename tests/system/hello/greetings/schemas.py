"""The HTTP shapes of greetings."""

from __future__ import annotations

from marshmallow import Schema, fields

from shared.entrypoints.fields import Text


class Greet(Schema):
    to = Text(80, required=True)


class GreetingView(Schema):
    id = fields.String(required=True)
    to = fields.String(required=True)
    heard = fields.Integer(required=True)
