"""Entrypoints: attachments of petitions."""

from __future__ import annotations

from typing import Any

from services.petitions.attachments import schemas
from services.petitions.attachments.domain import ATTACHMENT_BYTES_MOST
from services.petitions.attachments.handlers import ATTACHMENTS
from services.petitions.attachments.handlers import Attachments as Handlers
from shared.entrypoints.api import api
from shared.rules.roles import DUTY_LEAD, GUARDIAN, RESIDENT, SECRETARY, STREET_OFFICER, WORKER
from shared.runtime.platform import Provided, Stored

WHO = {RESIDENT, GUARDIAN, WORKER, DUTY_LEAD, SECRETARY, STREET_OFFICER}


class Attached:
    """Attachments over HTTP: brought, and read by whoever may see the petition or has its receipt code."""

    station: Any
    receipts: Any
    attachments = Stored(ATTACHMENTS)
    files: Any = Provided(Handlers)

    @api(
        "POST",
        "/{community}/attachments",
        takes_bytes=ATTACHMENT_BYTES_MOST,
        gives=schemas.AttachmentView,
        allow=WHO,
        guests=True,
    )
    def keep_attachment(self, call):
        return self.files.keep(call)

    @api(
        "GET",
        "/{community}/petitions/{id}/attachments/{attachment}",
        gives="application/octet-stream",
        allow=WHO,
        audited="attachment_read",
    )
    def read_attachment(self, call, id, attachment):
        return self.files.give(call, self.station.read(call, id).attachments, attachment)

    @api(
        "POST",
        "/{community}/petitions/by-receipt/attachment",
        takes=schemas.AskAttachment,
        gives="application/octet-stream",
        status=200,
        idempotent=False,
    )
    def read_attachment_by_receipt(self, call):
        return self.files.give(call, self.receipts.open(call).attachments, call.body["attachment"])
