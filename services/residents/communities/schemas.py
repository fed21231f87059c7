"""The HTTP shapes of communities."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Day, Slug, Text, Zone


class OpenCommunity(Schema):
    slug = Slug(required=True)
    name = Text(80, required=True)
    timezone = Zone(load_default="Asia/Shanghai")
    district = Text(80, required=True)
    street = Text(80, required=True)


class CommunityView(Schema):
    slug = fields.String(attribute="id", required=True)
    name = fields.String(required=True)
    timezone = fields.String(required=True)
    district = fields.String(required=True)
    street = fields.String(required=True)


class SetCalendar(Schema):
    working = fields.List(Day(), load_default=list, validate=validate.Length(max=100))
    off = fields.List(Day(), load_default=list, validate=validate.Length(max=100))


class CalendarView(Schema):
    working = fields.List(fields.String(), required=True)
    off = fields.List(fields.String(), required=True)


class StreetView(Schema):
    street = fields.String(required=True)
    communities = fields.List(fields.Nested(CommunityView), required=True)


class DistrictView(Schema):
    district = fields.String(required=True)
    streets = fields.List(fields.Nested(StreetView), required=True)


class TreeView(Schema):
    districts = fields.List(fields.Nested(DistrictView), required=True)
