"""The HTTP shapes of templates."""

from __future__ import annotations

from marshmallow import Schema, fields

from shared.entrypoints.fields import Text


class Reword(Schema):
    subject = Text(200, required=True)
    text = Text(1000, required=True)


class TemplateView(Schema):
    name = fields.String(required=True)
    language = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
