"""Entrypoints: sittings for another service."""

from __future__ import annotations

from typing import Any

from services.bookings.sittings import schemas
from services.bookings.sittings.handlers import Sittings as Handlers
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.events.petitions import SittingDropped, SittingRequested
from shared.rules.roles import COURT, MEDIATOR, SECRETARY
from shared.runtime.platform import Provided


class Sittings:
    """Rooms and people for sittings of another service, which asks by event."""

    sittings: Any = Provided(Handlers)

    @api(
        "GET",
        "/{community}/sittings",
        query=schemas.SittingQuery,
        gives=schemas.SittingView,
        allow={SECRETARY, COURT, MEDIATOR},
    )
    def list_sittings(self, call):
        return self.sittings.page(call)

    @api(
        "POST",
        "/{community}/sittings/{id}/withdraw",
        takes=schemas.WithdrawSitting,
        gives=schemas.SittingView,
        allow={SECRETARY},
        status=200,
    )
    def withdraw_sitting(self, call, id):
        return self.sittings.withdraw(call, id)

    @on(SittingRequested, once=by_id("sitting"))
    def answer_the_request(self, call, event):
        self.sittings.answer(call, event)

    @on(SittingDropped, once=by_cause)
    def drop_the_sitting(self, call, event):
        self.sittings.drop(call, event.request_id)
