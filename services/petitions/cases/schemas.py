"""The HTTP shapes of petitions."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.petitions.cases.domain import CHANNELS, KINDS, TOPICS, Petition
from services.petitions.domain import explained
from shared.entrypoints.fields import Day, Id, Moment, Paging, Text

TEXT_CHARACTERS = 8000
REASON_CHARACTERS = 2000
STATES = sorted(Petition.LIFECYCLE)


class Accused(Schema):
    worker_id = Id()
    unit = Text(80)


class Named(Schema):
    """Somebody known here (`resident_id`), or by name and phone."""

    resident_id = Id()
    name = Text(80)
    phone = Text(32)

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        """Somebody must be named."""
        if not data.get("resident_id") and not data.get("name"):
            raise ValidationError("Give a resident_id or a name.", "name")


class Petitioner(Named):
    """One of those whose petition it is; `representative` on a joint visit."""

    representative = fields.Boolean(load_default=False)


class FilePetition(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    topic = fields.String(required=True, validate=validate.OneOf(TOPICS))
    text = Text(TEXT_CHARACTERS, required=True)
    channel = fields.String(load_default="online", validate=validate.OneOf(CHANNELS))
    anonymous = fields.Boolean(load_default=False)
    sealed = fields.Boolean(attribute="confidential", load_default=False)
    petitioners = fields.List(fields.Nested(Petitioner), load_default=list, validate=validate.Length(max=100))
    received_at = Moment()
    grid = Text(40)
    accused = fields.Nested(Accused)
    attachments = fields.List(Id(), load_default=list, validate=validate.Length(max=10))


class Documented(Schema):
    """An act of the authority that a worker records carries its document's number."""

    document_number = Text(80, load_default="")


class Register(Schema):
    authority = Text(80, required=True)
    assignee = Id(load_default="")


class HandOver(Schema):
    assignee = Id(load_default="")


class Recuse(HandOver):
    reason = Text(REASON_CHARACTERS, required=True)


class Accept(Documented):
    """`accepted_at`: when the authority did, where it is recorded later; its time runs from then."""

    accepted_at = Moment()


class Decline(Documented):
    code = fields.String(
        required=True,
        validate=validate.OneOf(["not_within_scope", "other_legal_route", "same_facts", "no_jurisdiction", "unclear"]),
    )
    reason = Text(REASON_CHARACTERS, required=True)


class Forward(Schema):
    authority = Text(80, required=True)


class SettleForward(Documented):
    outcome = fields.String(required=True, validate=validate.OneOf(["acknowledged", "returned"]))
    reason = Text(REASON_CHARACTERS, load_default="")


class ObjectTo(Documented):
    reason = Text(REASON_CHARACTERS, required=True)


class Redirect(Schema):
    route = fields.String(
        required=True,
        validate=validate.OneOf(["court", "arbitration", "administrative_review", "discipline", "police", "other"]),
    )
    reason = Text(REASON_CHARACTERS, required=True)


class Extend(Documented):
    code = fields.String(load_default="complex", validate=validate.OneOf(["complex", "expertise", "hearing", "other"]))
    reason = Text(REASON_CHARACTERS, required=True)


class Pause(Documented):
    reason = fields.String(required=True, validate=validate.OneOf(["hearing", "mediation", "expertise", "petitioner", "other"]))


class Resume(Documented):
    pass


class Answer(Documented):
    outcome = fields.String(
        load_default="explained", validate=validate.OneOf(["supported", "partly", "rejected", "explained", "upheld", "changed"])
    )
    request = Text(TEXT_CHARACTERS, load_default="")
    facts = Text(TEXT_CHARACTERS, load_default="")
    view = Text(TEXT_CHARACTERS, load_default="")
    basis = Text(TEXT_CHARACTERS, load_default="")


class Deliver(Schema):
    delivered_at = Moment()


class Reason(Schema):
    reason = Text(REASON_CHARACTERS, load_default="")


class Supplement(Schema):
    text = Text(TEXT_CHARACTERS, required=True)
    internal = fields.Boolean(load_default=False)
    attachments = fields.List(Id(), load_default=list, validate=validate.Length(max=10))


class Urgent(Schema):
    reason = Text(REASON_CHARACTERS, required=True)


class Link(Schema):
    first_id = Id(required=True)


class Reopen(Schema):
    new_facts = Text(TEXT_CHARACTERS, load_default="")


class Rate(Schema):
    stars = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=5))
    reason = Text(REASON_CHARACTERS, load_default="")


class PetitionQuery(Paging):
    state = fields.String(validate=validate.OneOf(STATES))
    duplicates_of = Id()


class Search(Paging):
    """By number, topic, state, day of receipt, exact phone; never by text."""

    number = Text(40)
    topic = fields.String(validate=validate.OneOf(TOPICS))
    state = fields.String(validate=validate.OneOf(STATES))
    since = Day(data_key="from")
    until = Day(data_key="to")
    phone = Text(32)


class Explanation(Schema):
    zh = fields.String(data_key="zh-CN", attribute="zh-CN", required=True)
    en = fields.String(required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """`zh-CN` is a key, not a path."""
        return obj[attr]


class DeadlineView(Schema):
    name = fields.String(required=True)
    due = fields.String(required=True)
    rule = fields.String(required=True)
    version = fields.String(required=True)
    provisional = fields.Boolean(required=True)
    state = fields.String(required=True)
    explanation = fields.Nested(Explanation, required=True)


class NoteView(Schema):
    at = fields.String(required=True)
    role = fields.String(required=True)
    kind = fields.String(required=True)
    text = fields.String(required=True)


class Opinion(Schema):
    request = fields.String(required=True)
    facts = fields.String(required=True)
    view = fields.String(required=True)
    basis = fields.String(required=True)
    outcome = fields.String(required=True)
    document = fields.String(required=True)
    at = fields.String(required=True)


class PetitionLine(Schema):
    """A petition in a list: without what people wrote."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    topic = fields.String(required=True)
    channel = fields.String(required=True)
    state = fields.String(required=True)
    anonymous = fields.Boolean(required=True)
    sealed = fields.Boolean(attribute="confidential", required=True)
    urgent = fields.Boolean(required=True)
    received_at = Moment(required=True)
    grid = fields.String(required=True)
    responsible_authority = fields.String(required=True)
    assignee = fields.String(required=True)
    first_id = fields.String(required=True)
    next_due = Moment(required=True, allow_none=True)


class PetitionView(PetitionLine):
    """A petition, for who may see it; a sealed complainant is not in it."""

    reason = fields.String(required=True)
    text = fields.String(required=True)
    petitioners = fields.List(fields.Nested(Petitioner), required=True)
    deadlines = fields.Function(lambda p: [explained(clock) for clock in p.clocks], required=True)
    notes = fields.List(fields.Nested(NoteView), required=True)
    history = fields.List(fields.Dict(), required=True)
    opinions = fields.Dict(keys=fields.String(), values=fields.Nested(Opinion), required=True)
    delivered = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    forwarded_to = fields.String(required=True)
    forward_state = fields.String(required=True)
    recused = fields.List(fields.String(), required=True)
    stars = fields.Integer(required=True)
    dispute_id = fields.String(required=True)
    attachments = fields.List(fields.String(), required=True)


class FiledView(Schema):
    """What the petitioner takes home. The code stands here once, for who filed anonymously."""

    id = fields.String(required=True)
    number = fields.String(required=True)
    state = fields.String(required=True)
    receipt_code = fields.String()
    deadlines = fields.List(fields.Nested(DeadlineView), required=True)
