"""The HTTP shapes of programmes. No field for a price exists."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.bookings.sessions.schemas import KIND
from shared.entrypoints.fields import Day, Id, Paging, Text

CLOCK = validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")
GROUPS = ("child", "elder", "disabled", "veteran", "low_income", "single_parent", "party_member", "newcomer")


class PublishProgramme(Schema):
    kind = fields.String(required=True, validate=KIND)
    title = Text(80, required=True)
    room_id = Id()
    resources = fields.List(Id(), validate=validate.Length(max=10))
    rule = Text(300, required=True, metadata={"description": "a rule of RFC 5545", "example": "FREQ=WEEKLY;BYDAY=MO"})
    first = Day(required=True)
    last = Day()
    begins = fields.String(required=True, validate=CLOCK, metadata={"description": "wall clock, HH:MM"})
    finishes = fields.String(required=True, validate=CLOCK)
    capacity = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=1000))
    on_holidays = fields.Boolean()
    make_up = fields.Boolean(metadata={"description": "meet on working weekends too, as schools do"})
    skip = fields.List(Day(), validate=validate.Length(max=366))
    add = fields.List(Day(), validate=validate.Length(max=100))
    priority = fields.List(fields.String(validate=validate.OneOf(GROUPS)), validate=validate.Length(max=8))
    weekly_limit = fields.Integer(strict=True, validate=validate.Range(min=0, max=50))
    allow_partial = fields.Boolean(data_key="partial", metadata={"description": "publish the free dates although others clash"})


class ProgrammeView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    room_id = fields.String(required=True)
    room_name = fields.String(required=True)
    resources = fields.List(fields.String(), required=True)
    rule = fields.String(required=True)
    first = fields.String(required=True)
    last = fields.String(required=True)
    begins = fields.String(required=True)
    finishes = fields.String(required=True)
    capacity = fields.Integer(required=True)
    on_holidays = fields.Boolean(required=True)
    make_up = fields.Boolean(required=True)
    skip = fields.List(fields.String(), required=True)
    add = fields.List(fields.String(), required=True)
    priority = fields.List(fields.String(), required=True)
    weekly_limit = fields.Integer(required=True)
    club_id = fields.String(required=True)
    horizon = fields.String(required=True, metadata={"description": "sessions exist up to this date"})
    clashes = fields.List(fields.String(), required=True, metadata={"description": "dates that could not be held"})
    charge = fields.Constant("免费", required=True)


class ProgrammeQuery(Paging):
    kind = fields.String(validate=KIND)
