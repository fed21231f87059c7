"""Entrypoints: how a person of a community gets in for the first time."""

from __future__ import annotations

from typing import Any

from services.residents.accounts.schemas import AskMessage, MessageView
from services.residents.activations import schemas
from services.residents.activations.handlers import ACTIVATIONS, SLIPS, Activations
from services.residents.staff.domain import LEAD
from services.residents.staff.handlers import Staff
from shared.entrypoints.api import api
from shared.entrypoints.fields import Nothing
from shared.entrypoints.timers import every
from shared.rules.roles import OPERATOR, STAFF
from shared.runtime.platform import Provided, Stored


class FirstSteps:
    """Activation codes and slips over HTTP, and whom events ask for a code."""

    codes = Stored(ACTIVATIONS)
    slips = Stored(SLIPS)
    activations: Any = Provided(Activations)
    staff: Any = Provided(Staff)

    @api("POST", "/activations", takes=schemas.Activate, gives=schemas.ActivatedView, idempotent=False, counted=True)
    def activate(self, call):
        return self.activations.enter(call)

    @api(
        "POST",
        "/{community}/residents/{id}/activation",
        takes=schemas.SendAgain,
        gives=schemas.SentView,
        allow=STAFF,
        counted=True,
        status=202,
        idempotent=False,
        audited="sent_activation",
    )
    def send_activation_again(self, call, id):
        return self.activations.send_again(call, id, worker=False)

    @api(
        "POST",
        "/{community}/workers/{id}/activation",
        takes=schemas.SendAgain,
        gives=schemas.SentView,
        allow=LEAD | {OPERATOR},
        counted=True,
        status=202,
        idempotent=False,
        audited="sent_activation",
    )
    def send_workers_activation_again(self, call, id):
        self.staff.may_send(call, id)
        return self.activations.send_again(call, id, worker=True)

    @api(
        "POST",
        "/{community}/residents/{id}/slip",
        gives=schemas.SlipView,
        allow=STAFF,
        idempotent=False,
        audited="printed_slip",
    )
    def print_slip(self, call, id):
        return self.activations.print_slip(call, id)

    # -- for the service that sends

    @api("POST", "/internal/codes", takes=AskMessage, gives=MessageView, internal={"notifications"}, status=200)
    def message_to_send(self, call):
        return self.activations.message(call)

    @api("POST", "/internal/codes/sent", takes=AskMessage, gives=Nothing, internal={"notifications"}, status=204)
    def message_was_sent(self, call):
        self.activations.message_sent(call)

    @every(60)
    def forget_codes(self, call):
        self.activations.forget(call)
