"""The HTTP shapes of deliveries."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.notifications.deliveries.domain import CHANNELS, TEXT
from services.notifications.preferences.schemas import PreferencesView
from shared.entrypoints.fields import Id, Moment, Paging

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


class ExportView(Schema):
    preferences = fields.Nested(PreferencesView, required=True, allow_none=True)
    messages = fields.List(fields.Nested(MessageView), required=True)
    deliveries = fields.List(fields.Nested(DeliveryView), required=True)
