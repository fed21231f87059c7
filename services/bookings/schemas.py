"""The HTTP shapes of bookings that belong to no part."""

from __future__ import annotations

from marshmallow import Schema, fields


class ExportView(Schema):
    bookings = fields.Raw(required=True)
