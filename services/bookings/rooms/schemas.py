"""The HTTP shapes of rooms and reservations. No field for a price exists: the centre is free of charge."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from marshmallow import Schema, fields, validate

from services.bookings.rooms.domain import DAYS
from shared.entrypoints.fields import Day, Id, Moment, Paging, Text

CLOCK = validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")
USES = (
    "hall", "meeting", "class", "leisure", "care", "dining", "counter", "court", "mediation", "counselling", "library",
    "cinema", "rest", "finance", "parlour", "office", "equipment", "judge", "mediator", "counsellor",
)  # fmt: skip


def _intervals(**kwargs):
    interval = fields.List(fields.String(validate=CLOCK), validate=validate.Length(equal=2))
    return fields.List(interval, validate=validate.Length(max=6), **kwargs)


class OtherHours(Schema):
    date = Day(required=True)
    hours = _intervals(required=True)
    reason = Text(200, required=True)


class _RoomFacts(Schema):
    use = fields.String(validate=validate.OneOf(USES))
    exceptions = fields.List(fields.Nested(OtherHours), validate=validate.Length(max=366))
    slot = fields.Integer(validate=validate.OneOf([15, 30, 45, 60, 90, 120]))
    rules = Text(2000, shortest=0)
    bookable = fields.Boolean()
    stewards = fields.List(Id(), validate=validate.Length(max=20))


class OpenRoom(_RoomFacts):
    name = Text(80, required=True)
    use = fields.String(required=True, validate=validate.OneOf(USES))
    capacity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=5000))
    hours = fields.Dict(keys=fields.String(validate=validate.OneOf(DAYS)), values=_intervals(), required=True)


class ChangeRoom(_RoomFacts):
    name = Text(80)
    capacity = fields.Integer(strict=True, validate=validate.Range(min=1, max=5000))
    hours = fields.Dict(keys=fields.String(validate=validate.OneOf(DAYS)), values=_intervals())


class RoomView(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    use = fields.String(required=True)
    capacity = fields.Integer(required=True)
    timezone = fields.String(required=True)
    hours = fields.Dict(keys=fields.String(), values=fields.List(fields.List(fields.String())), required=True)
    exceptions = fields.List(fields.Nested(OtherHours), required=True)
    slot = fields.Integer(required=True)
    rules = fields.String(required=True)
    bookable = fields.Boolean(required=True)
    stewards = fields.List(fields.String(), required=True)
    out_of_order = fields.Function(lambda room: bool(room.fault), required=True)
    charge = fields.Constant("免费", required=True)


class AvailabilityQuery(Schema):
    date = Day(required=True)


class Slot(Schema):
    start = Moment(required=True)
    end = Moment(required=True)
    available = fields.Boolean(required=True)
    reason = fields.String()


class AvailabilityView(Schema):
    date = fields.String(required=True)
    slots = fields.List(fields.Nested(Slot), required=True)
    closed = fields.String(metadata={"description": "why there are no slots at all"})


class Reserve(Schema):
    room_id = Id(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    purpose = Text(200, required=True)
    resident_id = Id(metadata={"description": "for whom, where a worker books"})


class CancelReservation(Schema):
    reason = Text(200)


class _Local(Moment):
    """A time of a reservation, on its room's wall clock."""

    def _serialize(self, value, attr, obj, **kwargs):
        return value.astimezone(ZoneInfo(obj.timezone)).isoformat()


class ReservationView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    room_id = fields.String(required=True)
    room_name = fields.String(required=True)
    start = _Local(required=True)
    end = _Local(required=True)
    resident_id = fields.String(required=True)
    purpose = fields.String(required=True)
    reason = fields.String(required=True)
    born = Moment(data_key="booked_at", required=True)


class ReservationQuery(Paging):
    room_id = Id()
    resident_id = Id()
    state = fields.String(validate=validate.OneOf(["confirmed", "cancelled"]))


class ReportFault(Schema):
    reason = Text(200, required=True)
