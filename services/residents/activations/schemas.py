"""The HTTP shapes of activation codes and slips."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.residents.accounts.schemas import PASSWORD, Channelled
from shared.entrypoints.fields import Moment


class Activate(Channelled):
    """The code that came to this phone or mail address; with it, a password of one's own."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=12))
    password = fields.String(validate=PASSWORD)


class ActivatedView(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["activated", "invited"]))
    community = fields.String(required=True)
    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    refresh_token = fields.String()
    device_token = fields.String()


class SendAgain(Schema):
    channel = fields.String(validate=validate.OneOf(["text", "mail"]))


class SentView(Schema):
    id = fields.String(required=True)
    channel = fields.String(required=True)


class SlipView(Schema):
    code = fields.String(required=True)
    expires_at = Moment(required=True)
    name = fields.String(required=True)
