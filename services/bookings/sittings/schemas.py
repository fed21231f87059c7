"""The HTTP shapes of sittings: when and where, not why or who."""

from __future__ import annotations

from marshmallow import Schema, fields

from shared.entrypoints.fields import Moment, Paging, Text


class SittingQuery(Paging):
    since = Moment(data_key="from")


class WithdrawSitting(Schema):
    reason = Text(200, required=True)


class SittingView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    reference = fields.String(attribute="title", required=True)
    room_id = fields.String(required=True)
    resources = fields.List(fields.String(), required=True)
    start = Moment(attribute="begins", required=True)
    end = Moment(attribute="finishes", required=True)
