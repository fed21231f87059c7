"""The HTTP shapes of notifications."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.notifications.domain import CHANNELS, TEXT
from shared.entrypoints.fields import Id, Moment, Paging, Text

LANGUAGE = validate.OneOf(["zh-CN", "en"])
STATES = ["PENDING", "SENDING", "SENT", "FAILED", "SKIPPED"]


class MessageView(Schema):
    id = fields.String(required=True)
    template = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    event_id = fields.String(required=True)
    sent_at = Moment(required=True, allow_none=True)
    read_at = Moment(required=True, allow_none=True)


class InboxQuery(Paging):
    unread = fields.Boolean()


class DeliveryView(Schema):
    id = fields.String(required=True)
    recipient = fields.String(required=True)
    channel = fields.String(required=True)
    template = fields.String(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True)
    tries = fields.Integer(required=True)
    event_id = fields.String(required=True)
    due = Moment(required=True, allow_none=True)
    sent_at = Moment(required=True, allow_none=True)
    born = Moment(data_key="created_at", required=True)


class DeliveryQuery(Paging):
    recipient = Id()
    channel = fields.String(validate=validate.OneOf([*CHANNELS, TEXT]))
    state = fields.String(validate=validate.OneOf(STATES))
    event_id = Id()


class Channels(Schema):
    mail = fields.Boolean()


class ChoosePreferences(Schema):
    channels = fields.Nested(Channels)
    language = fields.String(validate=LANGUAGE)


class PreferencesView(Schema):
    language = fields.String(required=True)
    channels = fields.Dict(keys=fields.String(), values=fields.Boolean(), required=True)


class Reword(Schema):
    subject = Text(200, required=True)
    text = Text(1000, required=True)


class TemplateView(Schema):
    name = fields.String(required=True)
    language = fields.String(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)


class AskExport(Schema):
    """`own`: the person asks for it, and not somebody who works here."""

    community = fields.String(required=True)
    resident_id = Id(required=True)
    own = fields.Boolean(load_default=False)


class ExportView(Schema):
    preferences = fields.Nested(PreferencesView, required=True, allow_none=True)
    messages = fields.List(fields.Nested(MessageView), required=True)
    deliveries = fields.List(fields.Nested(DeliveryView), required=True)
