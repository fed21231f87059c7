"""The HTTP shapes of the centre."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Day, Id, Moment, Text


class Area(Schema):
    name = Text(80, required=True)
    floor = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=99))
    use = fields.String(required=True, validate=validate.OneOf(["service", "office"]))
    square_metres = fields.Float(required=True, validate=validate.Range(min=0, max=1_000_000, min_inclusive=False))
    room_id = Id()


class Past(Schema):
    on = Day(required=True)
    text = Text(500, required=True)


class Describe(Schema):
    site = Text(200)
    opened_on = Day()
    floors = fields.Integer(strict=True, validate=validate.Range(min=1, max=99))
    areas = fields.List(fields.Nested(Area), validate=validate.Length(max=500))
    history = fields.List(fields.Nested(Past), validate=validate.Length(max=100))


class Planned(Schema):
    room_id = Id(required=True)
    purpose = Text(80, required=True)


class PublishPlan(Schema):
    poll_id = Id(required=True, metadata={"description": "the poll that the plan follows"})
    rooms = fields.List(fields.Nested(Planned), required=True, validate=validate.Length(min=1, max=200))


class PlanView(PublishPlan):
    at = Moment(required=True)


class CentreRoom(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    use = fields.String(required=True)
    capacity = fields.Integer(required=True)


class CentreView(Schema):
    site = fields.String(required=True)
    opened_on = fields.String(required=True)
    floors = fields.Integer(required=True)
    areas = fields.List(fields.Nested(Area), required=True)
    history = fields.List(fields.Nested(Past), required=True)
    rooms = fields.List(fields.Nested(CentreRoom), required=True)
    plan = fields.Nested(PlanView, required=True, allow_none=True)
    service_share = fields.Float(required=True, allow_none=True, metadata={"description": "unrounded, 0 to 1"})
    service_percent = fields.String(required=True)
    warning = fields.String(required=True)
    charge = fields.Constant("免费", required=True)


class ReportQuery(Schema):
    since = Day(required=True, data_key="from")
    before = Day(required=True, data_key="to")


class RoomLine(Schema):
    room_id = fields.String(required=True)
    room = fields.String(required=True)
    uses = fields.Integer(required=True)
    visits = fields.Integer(required=True)
    open_hours = fields.Float(required=True)
    used_hours = fields.Float(required=True)
    rate = fields.Float(required=True, allow_none=True)
    idle = fields.Boolean(required=True)


class ProgrammeLine(Schema):
    programme_id = fields.String(required=True)
    title = fields.String(required=True)
    sessions = fields.Integer(required=True)
    seats = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    attended = fields.Integer(required=True)
    rate = fields.Float(required=True, allow_none=True)


class ReportView(Schema):
    since = fields.String(attribute="from", data_key="from", required=True)
    before = fields.String(attribute="to", data_key="to", required=True)
    rooms = fields.List(fields.Nested(RoomLine), required=True)
    programmes = fields.List(fields.Nested(ProgrammeLine), required=True)


class FeedView(Schema):
    id = fields.String(required=True)
    path = fields.String(required=True, metadata={"description": "the secret address; it is shown this once"})


class RevokedFeed(Schema):
    id = fields.String(required=True)
    revoked = fields.Boolean(required=True)
