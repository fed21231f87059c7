"""The HTTP shapes of sessions and places."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.bookings.sessions.domain import KINDS
from shared.entrypoints.fields import Id, Moment, Paging, Text

KIND = validate.OneOf(sorted(KINDS))


class SessionQuery(Paging):
    kind = fields.String(validate=KIND)
    programme_id = Id()
    room_id = Id()
    since = Moment(data_key="from", metadata={"description": "sessions that start then or later; now, unless said"})
    before = Moment(data_key="to")


class SessionView(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    programme_id = fields.String(required=True)
    title = fields.String(required=True)
    room_id = fields.String(required=True)
    room_name = fields.String(required=True)
    start = Moment(attribute="begins", required=True)
    end = Moment(attribute="finishes", required=True)
    capacity = fields.Integer(required=True)
    taken = fields.Function(lambda use: sum(p["state"] in ("offered", "taken", "present") for p in use.places), required=True)
    waiting = fields.Function(lambda use: sum(p["state"] == "waiting" for p in use.places), required=True)
    extended = fields.Boolean(required=True)
    reason = fields.String(required=True)
    charge = fields.Constant("免费", required=True)


class TakePlace(Schema):
    resident_id = Id(metadata={"description": "a child of the caller's, or for whom a worker books"})


class PlaceView(Schema):
    id = fields.String(required=True)
    session_id = fields.String(required=True)
    resident_id = fields.String(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    room_name = fields.String(required=True)
    state = fields.String(required=True)
    position = fields.Integer(required=True, allow_none=True, metadata={"description": "in the waiting line, from 1"})
    offered_until = Moment(required=True, allow_none=True)
    extended = fields.Boolean(required=True)
    label = fields.String(required=True, metadata={"description": "延时 for extended hours, else empty"})
    uncovered = fields.Boolean(required=True)
    reason = fields.String(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    checked_in_at = Moment(required=True, allow_none=True)


class MineQuery(Paging):
    since = Moment(data_key="from", metadata={"description": "what starts then or later; now, unless said"})
    resident_id = Id(metadata={"description": "a child of the caller's"})


class CheckIn(Schema):
    code = Text(2000, metadata={"description": "what the QR code at the door says; a worker needs none"})


class CodeView(Schema):
    code = fields.String(required=True)
    svg = fields.String(required=True)
    expires_in = fields.Integer(required=True)


class PresenceView(Schema):
    session = fields.Nested(SessionView, required=True)
    places = fields.List(fields.Nested(PlaceView), required=True)


class CancelSession(Schema):
    reason = fields.String(
        load_default="by_centre", validate=validate.OneOf(["by_centre", "weather", "illness", "repair", "holiday"])
    )


class MoveSession(Schema):
    start = Moment()
    end = Moment()
    room_id = Id()


class Waive(Schema):
    place_id = Id(required=True)


class MissView(Schema):
    session_id = fields.String(attribute="session", required=True)
    at = Moment(required=True)
    waived = fields.Boolean(required=True)


class ConductView(Schema):
    resident_id = fields.String(attribute="id", required=True)
    misses = fields.List(fields.Nested(MissView), required=True)
    suspended_until = Moment(required=True, allow_none=True)
    credits = fields.List(fields.String(), required=True)
