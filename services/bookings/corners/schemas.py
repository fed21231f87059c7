"""The HTTP shapes of the corners with rules of their own."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.entrypoints.fields import Day, Id, Moment, Paging, Text

# What names a field is no operator, and no path to one.
A_NAME = validate.Regexp(r"[^$.][^.]*\Z", error="No $ at the beginning, and no full stop.")


class AddCopy(Schema):
    title = Text(120, required=True)
    author = Text(120, shortest=0, load_default="")
    shelf = Text(40, shortest=0, load_default="")


class CopyView(AddCopy):
    id = fields.String(required=True)


class Borrow(Schema):
    copy_id = Id(required=True)
    resident_id = Id()


class LoanQuery(Paging):
    resident_id = Id()


class LoanView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    copy_id = fields.String(required=True)
    borrower_id = fields.String(required=True)
    due = fields.String(attribute="ends", required=True)
    renewals = fields.Integer(required=True)


def _features():
    return fields.Dict(
        keys=Text(40, like=A_NAME),
        values=Text(120),
        required=True,
        validate=validate.Length(min=1, max=10),
        metadata={"description": "what its owner knows of it: colour, make, what is inside", "example": {"colour": "blue"}},
    )


class FindItem(Schema):
    room_id = Id(required=True)
    category = Text(40, required=True)
    features = _features()


class ItemView(Schema):
    id = fields.String(required=True)
    room_id = fields.String(required=True)
    category = fields.String(required=True)
    found_on = fields.String(required=True)
    state = fields.String(required=True)
    attempts = fields.Integer(required=True)


class ClaimItem(Schema):
    features = _features()
    claimant = Text(80, required=True)
    signature = Text(20000, required=True, metadata={"description": "as drawn: a data URL, or the strokes"})


class AskParlour(Schema):
    session_id = Id(required=True)
    topic = Text(1000, required=True)
    resident_id = Id()


class ReplyParlour(Schema):
    text = Text(5000, required=True)


class ParlourView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    resident_id = fields.String(required=True)
    place_id = fields.String(required=True)
    topic = fields.String(required=True)
    reply = fields.String(required=True)
    reply_by = fields.String(required=True)
    provisional = fields.Boolean(required=True)
    reminded = fields.Boolean(required=True)


class BookTalk(Schema):
    room_id = Id(required=True)
    counsellor_id = Id(required=True)
    start = Moment(required=True)
    end = Moment(required=True)
    resident_id = Id()


class TalkView(Schema):
    id = fields.String(required=True)
    state = fields.String(required=True)
    room_id = fields.String(required=True)
    resident_id = fields.String(required=True)
    start = Moment(attribute="begins", required=True)
    end = Moment(attribute="finishes", required=True)


class WriteNote(Schema):
    text = Text(10000, required=True)


class NoteView(Schema):
    id = fields.String(required=True)
    talk_id = fields.String(attribute="use_id", required=True)
    text = fields.String(required=True)


class CountVisit(Schema):
    people = fields.Integer(load_default=1, strict=True, validate=validate.Range(min=1, max=500))
    supplies = fields.Dict(
        keys=Text(40, like=A_NAME),
        values=fields.Integer(strict=True, validate=validate.Range(min=1, max=1000)),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata={"example": {"水": 2}},
    )


class VisitLogView(Schema):
    room_id = fields.String(required=True)
    day = Day(required=True)
    visits = fields.Integer(required=True)
    supplies = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
