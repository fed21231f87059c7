"""The HTTP shapes of duty: rosters, appointments, the queue."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.bookings.programmes.schemas import GROUPS
from services.bookings.sessions.schemas import PlaceView
from shared.entrypoints.fields import Day, Id, Moment, Text

WEEK = validate.Regexp(r"^\d{4}-W\d{2}$")


class PlanRoster(Schema):
    week = fields.String(required=True, validate=WEEK, metadata={"example": "2026-W48"})
    needed = fields.Integer(load_default=2, strict=True, validate=validate.Range(min=1, max=20))


class ShiftView(Schema):
    id = fields.String(required=True)
    week = fields.String(required=True)
    state = fields.String(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    extended = fields.Boolean(required=True)
    needed = fields.Integer(required=True)
    people = fields.List(fields.String(), required=True)
    exception = fields.String(required=True)


class RosterShift(Schema):
    id = fields.String(required=True)
    people = fields.List(fields.String(), required=True)
    needed = fields.Integer(required=True)
    extended = fields.Boolean(required=True)


class RosterView(Schema):
    id = fields.String(required=True)
    week = fields.String(required=True)
    state = fields.String(required=True)
    shifts = fields.List(fields.Nested(RosterShift), required=True)


class ShiftQuery(Schema):
    since = Day(required=True, data_key="from")
    before = Day(required=True, data_key="to")


class ShiftList(Schema):
    items = fields.List(fields.Nested(ShiftView), required=True)
    next = fields.String(allow_none=True, required=True)


class Assign(Schema):
    people = fields.List(Id(), required=True, validate=validate.Length(max=20))


class ExceptShift(Schema):
    reason = Text(200, required=True)


class AskSwap(Schema):
    person_id = Id(required=True)


class AnswerSwap(Schema):
    agrees = fields.Boolean(required=True)


class BookAppointment(Schema):
    start = Moment(required=True)
    resident_id = Id(metadata={"description": "a child of the caller's, or for whom a worker books"})


class DayQuery(Schema):
    date = Day(required=True)


class AppointmentList(Schema):
    items = fields.List(fields.Nested(PlaceView), required=True)
    next = fields.String(allow_none=True, required=True)


class QueueQuery(Schema):
    date = Day()


class Draw(Schema):
    resident_id = Id()
    place_id = Id(metadata={"description": "the appointment that has come"})
    groups = fields.List(
        fields.String(validate=validate.OneOf(GROUPS)),
        load_default=list,
        validate=validate.Length(max=8),
        metadata={"description": "what a worker sees of an unknown visitor"},
    )


class CallNext(Schema):
    desk = Text(20, required=True)


class TicketView(Schema):
    ticket = fields.Integer(attribute="n", required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    priority = fields.Boolean(required=True)
    position = fields.Integer(required=True, allow_none=True)
    person_id = fields.String(attribute="person", required=True)
    desk = fields.String(required=True)
    due = Moment(required=True, allow_none=True)


class QueueView(Schema):
    date = fields.String(required=True)
    served = fields.Integer(required=True)
    tickets = fields.List(fields.Nested(TicketView), required=True)
