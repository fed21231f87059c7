"""The HTTP shapes of those who work for a community."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.residents.people.schemas import LANGUAGE
from shared.entrypoints.fields import Address, Moment, Text
from shared.rules.roles import GUARDIAN, RESIDENT, ROLES

WORK_ROLES = [role for role in ROLES if role not in (RESIDENT, GUARDIAN)]


class _WorkerFacts(Schema):
    email = Address(validate=validate.Length(max=254))
    language = fields.String(validate=LANGUAGE)
    unit = Text(80)
    until = Moment(allow_none=True)


class AppointWorker(_WorkerFacts):
    name = Text(80, required=True)
    phone = Text(32, required=True)
    roles = fields.List(
        fields.String(validate=validate.OneOf(WORK_ROLES)), required=True, validate=validate.Length(min=1, max=10)
    )


class ChangeWorker(_WorkerFacts):
    name = Text(80)
    phone = Text(32)
    roles = fields.List(fields.String(validate=validate.OneOf(WORK_ROLES)), validate=validate.Length(min=1, max=10))


class FirstPerson(Schema):
    name = Text(80, required=True)
    phone = Text(32, required=True)
    email = Address(validate=validate.Length(max=254))


class NameFirstPeople(Schema):
    secretary = fields.Nested(FirstPerson, required=True)
    street_officer = fields.Nested(FirstPerson, required=True)


class FirstPeopleView(Schema):
    secretary = fields.String(required=True, metadata={"description": "the worker's id"})
    street_officer = fields.String(required=True)


class WorkerView(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    proposed = fields.Function(
        lambda worker: sorted(worker.proposed),
        required=True,
        metadata={"type": "array", "items": {"type": "string"}, "description": "roles that another person has to confirm"},
    )
    language = fields.String(required=True)
    unit = fields.String(required=True)
    until = Moment(required=True, allow_none=True)
    active = fields.Function(lambda worker: bool(worker.account_id), required=True, metadata={"type": "boolean"})
