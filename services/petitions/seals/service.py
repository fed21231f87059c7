"""Entrypoints: opening a sealed complainant, by two."""

from __future__ import annotations

from typing import Any

from services.petitions.seals import schemas
from services.petitions.seals.domain import OPENERS
from services.petitions.seals.handlers import Opening
from services.petitions.seals.store import SEALS
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.runtime.platform import Provided, Stored


class Sealed:
    """Asking for, granting and using an opened seal, over HTTP."""

    seals = Stored(SEALS)
    opening: Any = Provided(Opening)

    @api("POST", "/{community}/petitions/{id}/seal/requests", takes=schemas.AskToOpen, gives=schemas.RequestView, allow=OPENERS)
    def ask_to_open_seal(self, call, id):
        return self.opening.ask(call, id)

    @api("GET", "/{community}/petitions/{id}/seal/requests", query=Paging, gives=schemas.RequestView, allow=OPENERS)
    def list_requests_to_open_seal(self, call, id):
        return self.opening.page(call, id)

    @api(
        "POST",
        "/{community}/petitions/{id}/seal/requests/{request}/grant",
        gives=schemas.RequestView,
        allow=OPENERS,
        status=200,
    )
    def grant_opening(self, call, id, request):
        return self.opening.grant(call, id, request)

    @api(
        "POST",
        "/{community}/petitions/{id}/seal/requests/{request}/open",
        gives=schemas.IdentityView,
        allow=OPENERS,
        status=200,
    )
    def open_seal(self, call, id, request):
        return self.opening.look(call, id, request)
