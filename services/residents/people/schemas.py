"""The HTTP shapes of residents' records."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.residents.people.domain import GROUPS, LANGUAGES
from shared.entrypoints.fields import Address, Day, Id, Moment, Paging, Text

LANGUAGE = validate.OneOf(LANGUAGES)


class Contact(Schema):
    name = Text(80, required=True)
    phone = Text(32, required=True)
    relation = Text(40, required=True)


class _ResidentFacts(Schema):
    phone = Text(32)
    id_number = fields.String(validate=validate.Length(equal=18))
    address = Text(300)
    email = Address(validate=validate.Length(max=254))
    birth_date = Day()
    contacts = fields.List(fields.Nested(Contact), validate=validate.Length(max=5))
    groups = fields.List(fields.String(validate=validate.OneOf(GROUPS)), validate=validate.Length(max=len(GROUPS)))
    language = fields.String(validate=LANGUAGE)


class RegisterResident(_ResidentFacts):
    name = Text(80, required=True)
    consent = fields.Boolean(required=True, metadata={"description": "the person has agreed to be registered"})


class ChangeResident(_ResidentFacts):
    name = Text(80)


class ResidentView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    id_number = fields.String(required=True)
    address = fields.String(required=True)
    email = fields.String(required=True)
    birth_date = fields.String(required=True)
    contacts = fields.List(fields.Nested(Contact), required=True)
    groups = fields.List(fields.String(), required=True)
    language = fields.String(required=True)
    household_id = fields.String(required=True)
    guardians = fields.List(fields.String(), required=True)
    consented_at = Moment(required=True, allow_none=True)
    born = Moment(data_key="registered_at", required=True)


class ResidentQuery(Paging):
    group = fields.String(validate=validate.OneOf(GROUPS))


class SearchResidents(Schema):
    name = Text(80, shortest=2, metadata={"description": "whole, first or last two characters, pinyin or initials"})
    phone = Text(32)
    id_number = fields.String(validate=validate.Length(equal=18))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))
    after = fields.String(load_default="", validate=validate.Length(max=300))


class Hold(Schema):
    basis = fields.String(required=True, validate=validate.Regexp(r"^[a-z_]{3,40}$"))
    until = Moment(required=True)


class LinkGuardian(Schema):
    guardian_id = Id(required=True)


class ExportView(Schema):
    resident = fields.Nested(ResidentView, required=True)
    holds = fields.List(fields.Nested(Hold), required=True)
    household = fields.Dict(required=True, allow_none=True)
    children = fields.List(fields.String(), required=True)
    account = fields.Dict(required=True, allow_none=True)
    elsewhere = fields.Dict(required=True, metadata={"description": "what the other services hold, by service"})


class AskAbout(Schema):
    community = fields.String(required=True)
    purpose = fields.String(required=True, validate=validate.Regexp(r"^[a-z_]{3,60}$"))


class AskContacts(AskAbout):
    ids = fields.List(Id(), required=True, validate=validate.Length(min=1, max=100))


class AskBirthDate(AskAbout):
    id = Id(required=True)


class BirthDateView(Schema):
    birth_date = fields.String(required=True)


class ContactView(Schema):
    email = fields.String(required=True)
    phone = fields.String(required=True)
    language = fields.String(required=True)


class ContactsView(Schema):
    people = fields.Dict(keys=fields.String(), values=fields.Nested(ContactView), required=True)
