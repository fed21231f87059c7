"""Entrypoints: one person's own, copied out and forgotten."""

from __future__ import annotations

from typing import Any

from services.petitions.erasure_export import schemas
from services.petitions.erasure_export.handlers import ErasureExport
from shared.entrypoints.api import api
from shared.entrypoints.fields import AskExport
from shared.entrypoints.inbox import by_id, on
from shared.events.residents import ResidentErased
from shared.runtime.platform import Provided


class PersonsOwn:
    """What petitions holds of one person."""

    erasure_export: Any = Provided(ErasureExport)

    @api("POST", "/internal/export", takes=AskExport, gives=schemas.ExportView, internal={"residents"}, status=200)
    def export(self, call):
        return self.erasure_export.export(call)

    # Forgetting what is forgotten changes nothing.
    @on(ResidentErased, once=by_id("forget"))
    def forget_the_resident(self, call, event):
        self.erasure_export.forget(call, event.resident_id)
