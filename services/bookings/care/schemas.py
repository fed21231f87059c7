"""The HTTP shapes of elder care."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Day, Id, Moment, Paging, Text


class KeepElder(Schema):
    needs = Text(2000, shortest=0)
    diet = Text(200, shortest=0)
    meals = fields.Boolean(metadata={"description": "the elder has a meal plan"})
    contacts = fields.List(Id(), validate=validate.Length(max=5), metadata={"description": "people here who are told"})


class Assess(Schema):
    score = fields.Integer(required=True, strict=True, validate=validate.Range(min=0, max=100))


class AssessmentView(Schema):
    score = fields.Integer(required=True)
    level = fields.String(required=True)
    at = fields.String(required=True)


class ElderView(Schema):
    resident_id = fields.String(required=True)
    needs = fields.String(required=True)
    diet = fields.String(required=True)
    meals = fields.Boolean(required=True)
    contacts = fields.List(fields.String(), required=True)
    assessments = fields.List(fields.Nested(AssessmentView), required=True)


class PlanCareVisit(Schema):
    elder_id = Id(required=True)
    worker_id = Id(required=True)
    start = Moment(required=True)
    end = Moment(required=True)


class ReportCareVisit(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["done", "unanswered", "cancelled"]))
    notes = Text(2000, shortest=0, load_default="")


class CareVisitQuery(Paging):
    elder_id = Id(required=True)


class CareVisitView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    elder_id = fields.String(required=True)
    worker_id = fields.String(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    notes = fields.String(required=True)


class OrderMeal(Schema):
    date = Day(required=True)
    meal = Text(80, metadata={"description": "which of the day's meals; the first, unless said"})
    resident_id = Id()


class MealQuery(Schema):
    date = Day(required=True)


class OrderView(Schema):
    place_id = fields.String(required=True)
    diet = fields.String(required=True)
    delivery = fields.String(required=True)


class MealView(Schema):
    session_id = fields.String(required=True)
    title = fields.String(required=True)
    start = Moment(required=True)
    orders = fields.List(fields.Nested(OrderView), required=True)


class KitchenView(Schema):
    date = fields.String(required=True)
    count = fields.Integer(required=True)
    meals = fields.List(fields.Nested(MealView), required=True)


class DeliverMeal(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["delivered", "unanswered"]))
    proof = Text(500, required=True, metadata={"description": "who took it, or what the carrier saw"})


class MealDeliveryView(Schema):
    place_id = fields.String(required=True)
    state = fields.String(required=True)
    at = Moment(required=True)
