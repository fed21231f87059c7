"""Entrypoints: following and answering a petition by its receipt code, without signing in."""

from __future__ import annotations

from typing import Any

from services.petitions.cases import domain
from services.petitions.cases.schemas import PetitionLine, PetitionView
from services.petitions.receipts import schemas
from services.petitions.receipts.handlers import Receipts as Handlers
from shared.entrypoints.api import api
from shared.rules.roles import GUARDIAN, RESIDENT
from shared.runtime.platform import Provided


class Receipts:
    """A petition by its receipt code over HTTP, for anybody who has the code."""

    station: Any
    receipts: Any = Provided(Handlers)

    @api("POST", "/{community}/petitions/by-receipt", takes=schemas.Code, gives=PetitionView, status=200, idempotent=False)
    def follow_by_receipt(self, call):
        return self.receipts.read(call)

    @api("POST", "/{community}/petitions/by-receipt/supplement", takes=schemas.AddMessage, gives=PetitionLine, status=200)
    def supplement_by_receipt(self, call):
        files = call.body["attachments"]
        self.station.attachments.check(call, files)
        return self.receipts.act(call, domain.supplement, call.body["text"], files, False, timed=False)

    @api("POST", "/{community}/petitions/by-receipt/withdraw", takes=schemas.WithdrawIt, gives=PetitionView, status=200)
    def withdraw_by_receipt(self, call):
        return self.receipts.act(call, domain.withdraw, call.body["reason"])

    @api("POST", "/{community}/petitions/by-receipt/reopen", takes=schemas.ReopenIt, gives=PetitionView, status=200)
    def reopen_by_receipt(self, call):
        return self.receipts.act(call, domain.reopen, call.body["new_facts"])

    @api("POST", "/{community}/petitions/by-receipt/rate", takes=schemas.RateIt, gives=PetitionView, status=200)
    def rate_by_receipt(self, call):
        return self.receipts.act(call, domain.rate, call.body["stars"], call.body["reason"], timed=False)

    @api("POST", "/{community}/petitions/by-receipt/review", takes=schemas.WithdrawIt, gives=PetitionView, status=200)
    def review_by_receipt(self, call):
        return self.receipts.act(call, domain.ask_review, call.body["reason"])

    @api(
        "POST",
        "/{community}/petitions/by-receipt/identify",
        takes=schemas.Code,
        gives=PetitionView,
        allow={RESIDENT, GUARDIAN},
        status=200,
    )
    def identify_by_receipt(self, call):
        return self.receipts.identify(call)
