"""The HTTP shapes of an export."""

from __future__ import annotations

from marshmallow import Schema, fields


class ExportView(Schema):
    cases = fields.Dict(keys=fields.String(), values=fields.List(fields.Dict()), required=True)
