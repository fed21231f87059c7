"""The HTTP shapes of accounts."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Address, Id, Moment, Text

PASSWORD = validate.Length(min=10, max=128)
LONG = validate.Length(min=1, max=8000)


class Channelled(Schema):
    """Exactly one of the two."""

    phone = Text(32)
    mail = Address(validate=validate.Length(max=254))


class Proof(Schema):
    """Not needed for five minutes after signing in with a code."""

    old_password = fields.String(validate=validate.Length(min=1, max=128))


class SetPassword(Proof):
    password = fields.String(required=True, validate=PASSWORD)


class AddChannel(Channelled, Proof):
    pass


class AddedView(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class EnterCode(Schema):
    code = fields.String(required=True, validate=validate.Length(min=1, max=12))


class LinkIdentity(Proof):
    oidc_token = fields.String(required=True, validate=LONG)


class ChannelView(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    address = fields.String(required=True)
    confirmed_at = Moment(required=True)


class IdentityView(Schema):
    id = fields.String(required=True)
    issuer = fields.String(required=True)
    confirmed_at = Moment(required=True)


class MembershipView(Schema):
    community = fields.String(required=True)
    id = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    until = Moment(required=True, allow_none=True)


class InvitationView(Schema):
    id = fields.String(required=True)
    community = fields.String(required=True)
    until = Moment(required=True)


class RecoveryView(Schema):
    effective_at = Moment(required=True, allow_none=True)
    confirmed = fields.Boolean()
    until = Moment()


class AccountView(Schema):
    id = fields.String(required=True)
    language = fields.String(required=True)
    has_password = fields.Boolean(required=True)
    channels = fields.List(fields.Nested(ChannelView), required=True)
    identities = fields.List(fields.Nested(IdentityView), required=True)
    memberships = fields.List(fields.Nested(MembershipView), required=True)
    invitations = fields.List(fields.Nested(InvitationView), required=True)
    recovery = fields.Nested(RecoveryView, required=True, allow_none=True)


class AskMessage(Schema):
    account_id = Id(required=True)
    code_id = Id(required=True)


class MessageView(Schema):
    address = fields.String(required=True)
    code = fields.String(required=True)
    language = fields.String(required=True)
    community = fields.String(required=True)
    until = fields.String(required=True, metadata={"description": "on the community's wall clock, or empty"})
