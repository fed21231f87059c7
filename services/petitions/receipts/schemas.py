"""The HTTP shapes of what the holder of a receipt code does."""

from __future__ import annotations

from marshmallow import Schema

from services.petitions.cases.schemas import Rate, Reason, Reopen, Supplement
from shared.entrypoints.fields import Text


class Code(Schema):
    code = Text(60, required=True)


class AddMessage(Supplement, Code):
    class Meta:
        exclude = ("internal",)


class WithdrawIt(Reason, Code):
    pass


class RateIt(Rate, Code):
    pass


class ReopenIt(Reopen, Code):
    pass
