"""The HTTP shapes of attachments."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.petitions.receipts.schemas import Code
from shared.entrypoints.fields import Id


class AttachmentView(Schema):
    id = fields.String(required=True)
    type = fields.String(required=True)
    size = fields.Integer(required=True)


class AskAttachment(Code):
    attachment = Id(required=True)
