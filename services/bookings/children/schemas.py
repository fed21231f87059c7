"""The HTTP shapes of the after-school class."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Day, Id, Moment, Text


class Collector(Schema):
    name = Text(80, required=True)
    phone = Text(32, required=True)


class ListedCollector(Collector):
    relation = Text(40, required=True)


class Enrol(Schema):
    child_id = Id(required=True)
    consent = fields.Boolean(required=True, metadata={"description": "the guardian's consent (个人信息保护法 art. 31)"})
    collectors = fields.List(fields.Nested(ListedCollector), required=True, validate=validate.Length(max=10))
    allergies = Text(500, shortest=0, load_default="")
    may_leave_alone = fields.Boolean(load_default=False, metadata={"description": "in writing; from 8 years"})


class CollectorView(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    relation = fields.String(required=True)


class EnrolmentView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    child_id = fields.String(required=True)
    programme_id = fields.String(required=True)
    collectors = fields.List(fields.Nested(CollectorView), required=True)
    allergies = fields.String(required=True)
    may_leave_alone = fields.Function(lambda enrolment: enrolment.alone is not None, required=True)


class StaffClass(Schema):
    adults = fields.List(Id(), required=True, validate=validate.Length(max=50))
    exception = Text(200, shortest=0, load_default="", metadata={"description": "why fewer adults than needed must do"})


class OpenClass(Schema):
    adults = fields.Integer(required=True, strict=True, validate=validate.Range(min=0, max=50))
    exception = Text(200, shortest=0, load_default="")


class StaffingView(Schema):
    session_id = fields.String(attribute="id", required=True)
    adults = fields.Function(lambda use: use.staffing.get("adults", []), required=True)
    exception = fields.Function(lambda use: use.staffing.get("exception", ""), required=True)
    opened = fields.Function(lambda use: "opened" in use.staffing, required=True)


class Release(Schema):
    place_id = Id(required=True)
    collector_id = Id(metadata={"description": "one of the child's list"})
    collector = fields.Nested(Collector, metadata={"description": "somebody who is not on the list"})
    alone = fields.Boolean(validate=validate.Equal(True))


class ApproveCollector(Schema):
    child_id = Id(required=True)
    day = Day(required=True)
    collector = fields.Nested(Collector, required=True)


class ActView(Schema):
    act = fields.String(required=True)
    by = fields.String(required=True)
    at = fields.String(required=True)


class PickupView(Schema):
    id = fields.String(required=True)
    child_id = fields.String(required=True)
    day = fields.String(required=True)
    state = fields.Function(
        lambda p: {"approved": "approved", "released": "released"}.get(p.acts[-1]["act"], "refused") if p.acts else "waiting",
        required=True,
    )
    acts = fields.List(fields.Nested(ActView), required=True)


class ChildQuery(Schema):
    session_id = Id()


class ChildView(Schema):
    child_id = fields.String(required=True)
    enrolments = fields.List(fields.Nested(EnrolmentView), required=True)


class ApproveReading(Schema):
    child_id = Id(required=True)
    reader = Id(required=True)
    until = Moment(required=True)
    reason = Text(200, required=True)


class ApprovalView(Schema):
    id = fields.String(required=True)
    child_id = fields.String(required=True)
    reader = fields.String(required=True)
    until = Moment(required=True)
