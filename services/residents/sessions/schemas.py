"""The HTTP shapes of signing in and out."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.residents.accounts.schemas import LONG, Channelled
from shared.entrypoints.fields import Moment

TOKEN = validate.Length(min=10, max=300)


class OneOfMany(Schema):
    """Who opens more communities than a token can name says which one; "_" is the installation itself."""

    community = fields.String(validate=validate.Regexp(r"^(_|[a-z0-9][a-z0-9_-]{1,39})$"))


class SignIn(Channelled, OneOfMany):
    """A phone or mail address with a password or a code; or a slip; or an external provider's token."""

    password = fields.String(validate=validate.Length(min=1, max=128))
    code = fields.String(validate=validate.Length(min=1, max=12))
    slip = fields.String(validate=validate.Length(min=1, max=40))
    oidc_token = fields.String(validate=LONG)
    device_token = fields.String(validate=validate.Length(max=300))


class SignInHere(SignIn):
    """The same in a browser; nothing, to go on by the cookie; or a refresh token, to be kept there from now on."""

    refresh_token = fields.String(validate=TOKEN)


class AskCode(Channelled):
    device_token = fields.String(validate=validate.Length(max=300))


class CodeView(Schema):
    expires_in = fields.Integer(required=True)


class Refresh(OneOfMany):
    refresh_token = fields.String(required=True, validate=TOKEN)


class AccessView(Schema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class TokenView(AccessView):
    refresh_token = fields.String(required=True)
    device_token = fields.String(required=True, metadata={"description": "known by it, the device is never shut out by others"})


class SessionView(Schema):
    id = fields.String(required=True)
    how = fields.String(required=True)
    began = Moment(required=True)
    used = Moment(required=True)
    expires_at = Moment(required=True)
    device = fields.String(required=True)
    current = fields.Boolean(required=True)


class JwksView(Schema):
    keys = fields.List(fields.Dict(), required=True)
