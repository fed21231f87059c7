"""The HTTP shapes of preferences."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class Channels(Schema):
    mail = fields.Boolean()


class ChoosePreferences(Schema):
    channels = fields.Nested(Channels)
    language = fields.String(validate=validate.OneOf(["zh-CN", "en"]))


class PreferencesView(Schema):
    language = fields.String(required=True)
    channels = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)
