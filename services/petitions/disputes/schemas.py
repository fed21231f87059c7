"""The HTTP shapes of disputes."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.petitions.cases.schemas import REASON_CHARACTERS, TEXT_CHARACTERS, DeadlineView, Named, NoteView, Rate
from services.petitions.disputes.domain import KINDS, Dispute
from services.petitions.domain import explained
from shared.entrypoints.fields import Id, Moment, Paging, Text


class OpenDispute(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    text = Text(TEXT_CHARACTERS, required=True)
    parties = fields.List(fields.Nested(Named), required=True, validate=validate.Length(max=50))
    is_open = fields.Boolean(load_default=False)


class OfferMediation(Schema):
    """Beside a petition, whose petitioner is the first party."""

    kind = fields.String(load_default="邻里", validate=validate.OneOf(KINDS))
    parties = fields.List(fields.Nested(Named), required=True, validate=validate.Length(min=1, max=50))


class Mediators(Schema):
    mediators = fields.List(Id(), required=True, validate=validate.Length(min=1, max=5))


class Why(Schema):
    reason = Text(REASON_CHARACTERS, load_default="")


class Refuse(Why):
    """A mediator may record a party's refusal: `party`, and `how` it was given."""

    party = Id()
    how = Text(REASON_CHARACTERS, load_default="")


class RecordApplication(Schema):
    """A party without an account applies for confirmation, and `how` it said so."""

    party = Id(required=True)
    how = Text(REASON_CHARACTERS, required=True)


class NoteOnDispute(Schema):
    text = Text(TEXT_CHARACTERS, required=True)
    private = fields.Boolean(load_default=False)


class Draft(Schema):
    facts = Text(TEXT_CHARACTERS, load_default="")
    terms = Text(TEXT_CHARACTERS, required=True)
    method = Text(REASON_CHARACTERS, load_default="")
    deadline = Text(200, load_default="")


class Sign(Schema):
    """`digest` is that of the text which was read. A mediator may take down a party's (`party`) fingerprint or seal, or what
    it signed on paper."""

    digest = fields.String(required=True, validate=validate.Length(equal=64))
    how = fields.String(load_default="signature", validate=validate.OneOf(["signature", "seal", "fingerprint", "paper"]))
    party = Id()
    committee = fields.Boolean(load_default=False)
    status_matter = fields.Boolean(load_default=False)


class AgreeOrally(Schema):
    terms = Text(TEXT_CHARACTERS, required=True)
    made_at = Moment()
    status_matter = fields.Boolean(load_default=False)


class Perform(Schema):
    outcome = fields.String(required=True, validate=validate.OneOf(["performed", "partly", "refused"]))
    text = Text(REASON_CHARACTERS, load_default="")


class Danger(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(["threat", "violence", "self_harm", "crowd", "other"]))
    text = Text(REASON_CHARACTERS, required=True)


class Acknowledge(Schema):
    text = Text(REASON_CHARACTERS, load_default="")


class AskSitting(Schema):
    room_id = Id(required=True)
    resources = fields.List(Id(), load_default=list, validate=validate.Length(max=5))
    start = Moment(required=True)
    end = Moment(required=True)


class Consent(Schema):
    party = Id()


class RateDispute(Rate):
    pass


class DisputeQuery(Paging):
    state = fields.String(validate=validate.OneOf(sorted(Dispute.LIFECYCLE)))


class Signature(Schema):
    by = fields.String(required=True)
    how = fields.String(required=True)
    digest = fields.String(required=True)
    at = Moment(required=True)


class SittingShown(Schema):
    state = fields.String(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    reason = fields.String(required=True)
    choices = fields.List(fields.String(), required=True)


class Party(Schema):
    id = fields.String(required=True)
    resident_id = fields.String()
    name = fields.String()
    phone = fields.String()


class DangerView(Schema):
    kind = fields.String(required=True)
    at = fields.String(required=True)
    acknowledged_at = fields.String(required=True)


class DisputeLine(Schema):
    id = fields.String(required=True)
    number = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    petition_id = fields.String(required=True)
    petition_number = fields.String(required=True)
    mediators = fields.List(fields.String(), required=True)
    next_due = Moment(required=True, allow_none=True)


class DisputeView(DisputeLine):
    text = fields.String(required=True)
    responsible_authority = fields.String(required=True)
    is_open = fields.Boolean(required=True)
    chosen = fields.Boolean(required=True)
    parties = fields.List(fields.Nested(Party), required=True)
    notes = fields.List(fields.Nested(NoteView), required=True)
    history = fields.List(fields.Dict(), required=True)
    agreement = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    digest = fields.String(required=True)
    form = fields.String(required=True)
    signatures = fields.List(fields.Nested(Signature), required=True)
    effective_on = fields.String(required=True)
    sittings = fields.Dict(keys=fields.String(), values=fields.Nested(SittingShown), required=True)
    consents = fields.List(fields.String(), required=True)
    applied = fields.List(fields.String(), required=True)
    court_id = fields.String(required=True)
    reason = fields.String(required=True)
    dangers = fields.List(fields.Nested(DangerView), required=True)
    deadlines = fields.Function(
        lambda d: [DeadlineView().dump(explained(clock)) for clock in d.clocks], metadata={"type": "array"}
    )


class TimelineView(Schema):
    items = fields.List(fields.Dict(), required=True)
