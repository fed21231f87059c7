"""Entrypoints: what people are told of the events of all services, and their inboxes."""

from __future__ import annotations

from typing import Any

from services.notifications.deliveries import schemas
from services.notifications.deliveries.handlers import Deliveries, Told
from services.notifications.deliveries.rules.audience import TOLD, tellings
from services.notifications.deliveries.rules.cases import TOLD_OF_CASES
from services.notifications.sending.mail_sender import DELIVERED
from shared.entrypoints.api import api
from shared.entrypoints.fields import AskExport
from shared.entrypoints.inbox import by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import AccountNoticeDue, ActivationRequested, ChannelCodeRequested, SignInCodeRequested
from shared.rules.roles import EVERYBODY, OPERATOR, STAFF
from shared.runtime.platform import Provided, Stored


class Messages:
    """Tells people what concerns them, and shows them what they were told."""

    deliveries = Stored(DELIVERED)
    told: Any = Provided(Deliveries)

    @api("GET", "/{community}/inbox", query=schemas.InboxQuery, gives=schemas.MessageView, allow=EVERYBODY)
    def inbox(self, call):
        return self.told.inbox(call)

    @api("POST", "/{community}/inbox/{id}/read", gives=schemas.MessageView, allow=EVERYBODY, status=200, idempotent=False)
    def mark_as_read(self, call, id):
        return self.told.read(call, id)

    @api("GET", "/{community}/deliveries", query=schemas.DeliveryQuery, gives=schemas.DeliveryView, allow=STAFF | {OPERATOR})
    def delivery_log(self, call):
        return self.told.deliveries(call)

    # -- for the other services

    @api("POST", "/internal/export", takes=AskExport, gives=schemas.ExportView, internal={"residents"}, status=200)
    def export(self, call):
        return self.told.export(call)

    # -- what people are told

    @on(*TOLD, once=by_id("told"), batch=True)
    def tell_whom_it_concerns(self, pairs):
        self.told.tell([Told(call, *telling) for call, event in pairs for telling in tellings(event)])

    @on(*TOLD_OF_CASES, once=by_id("told"), batch=True)
    def tell_the_parties_of_cases(self, pairs):
        self.told.tell_of_cases(pairs)

    @on(SignInCodeRequested, once=by_id("sent"))
    def send_the_code(self, call, event):
        self.told.tell_account(call, event.account_id, "sign_in_code", [(event.channel, event.code_id)])

    @on(ActivationRequested, once=by_id("sent"))
    def ask_the_person_in(self, call, event):
        self.told.tell_account(call, event.activation_id, "activation_code", [(event.channel, event.code_id)])

    @on(ChannelCodeRequested, once=by_id("sent"))
    def try_the_channel(self, call, event):
        self.told.tell_account(call, event.account_id, "channel_code", [(event.channel, event.code_id)])

    @on(AccountNoticeDue, once=by_id("sent"))
    def tell_the_owner(self, call, event):
        ways = [tuple(channel.split(":", 1)) for channel in event.channels]
        self.told.tell_account(call, event.account_id, event.notice, ways)

    # -- the clock

    @every(5)
    def send_what_is_due(self, call):
        self.told.mail_sender.send_due(call)
