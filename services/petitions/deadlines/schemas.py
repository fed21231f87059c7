"""The HTTP shapes of the calculator, and of a community's own limits."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import Explanation
from shared.entrypoints.fields import Day, Slug, Text
from shared.rules.law import RULES

NAMES = sorted({rule.name for rule in RULES})


class AskDeadline(Schema):
    rule = Text(80, required=True)
    since = Day(data_key="from", required=True)
    community = Slug()
    extended = fields.Boolean(load_default=False)


class FoundDeadline(Schema):
    due = fields.String(required=True)
    provisional = fields.Boolean(required=True)
    explanation = fields.Nested(Explanation, required=True)
    rule = fields.String(required=True)
    version = fields.String(required=True)
    source = fields.String(required=True)
    start = fields.String(data_key="from", attribute="from", required=True)


class AskRules(Schema):
    community = Slug()


class RuleView(Schema):
    name = fields.String(required=True)
    days = fields.Integer(required=True)
    extend = fields.Integer(required=True)
    counts = fields.String(required=True)
    rolls = fields.Boolean(required=True)
    source = fields.String(required=True)
    since = fields.Date(required=True)
    region = fields.String(required=True)
    version = fields.String(required=True)


class RulesView(Schema):
    rules = fields.List(fields.Nested(RuleView), required=True)


class OwnRule(Schema):
    """A limit that differs in this community's region from a day on."""

    name = fields.String(required=True, validate=validate.OneOf(NAMES))
    days = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=1000))
    extend = fields.Integer(strict=True, validate=validate.Range(min=0, max=1000))
    since = Day(required=True)
    source = Text(200, required=True)


class SetRules(Schema):
    rules = fields.List(fields.Nested(OwnRule), required=True, validate=validate.Length(max=100))
