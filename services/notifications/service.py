"""Every entrypoint of notifications."""

from __future__ import annotations

from typing import Any

from services.notifications import schemas
from services.notifications.audience import TOLD, tellings
from services.notifications.cases import OF_CASES
from services.notifications.deliveries import PREFERENCES, Deliveries, Told
from services.notifications.mail_sender import DELIVERED
from services.notifications.templates import TEMPLATES, Templates
from shared.entrypoints.api import api
from shared.entrypoints.fields import Paging
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import (
    AccessRevoked,
    AccountNoticeDue,
    ActivationRequested,
    ChannelCodeRequested,
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentErased,
    ResidentRegistered,
    SignInCodeRequested,
    WorkerAppointed,
    WorkerChanged,
)
from shared.rules.roles import EVERYBODY, OPERATOR, SECRETARY, STAFF
from shared.runtime.platform import Provided, Stored


class Notifications:
    """Tells people what concerns them."""

    name = "notifications"

    deliveries = Stored(DELIVERED)
    preferences = Stored(PREFERENCES)
    templates = Stored(TEMPLATES)
    told: Any = Provided(Deliveries)
    wordings: Any = Provided(Templates)
    revocations: Any = Provided(lambda platform: platform.revocations)

    # -- what people see

    @api("GET", "/{community}/inbox", query=schemas.InboxQuery, gives=schemas.MessageView, allow=EVERYBODY)
    def inbox(self, call):
        return self.told.inbox(call)

    @api("POST", "/{community}/inbox/{id}/read", gives=schemas.MessageView, allow=EVERYBODY, status=200, idempotent=False)
    def mark_as_read(self, call, id):
        return self.told.read(call, id)

    @api("GET", "/{community}/preferences", gives=schemas.PreferencesView, allow=EVERYBODY)
    def read_preferences(self, call):
        return self.told.preferences(call)

    @api("PATCH", "/{community}/preferences", takes=schemas.ChoosePreferences, gives=schemas.PreferencesView, allow=EVERYBODY)
    def choose_preferences(self, call):
        return self.told.choose(call)

    @api("GET", "/{community}/deliveries", query=schemas.DeliveryQuery, gives=schemas.DeliveryView, allow=STAFF | {OPERATOR})
    def delivery_log(self, call):
        return self.told.deliveries(call)

    @api("GET", "/{community}/templates", query=Paging, gives=schemas.TemplateView, allow=STAFF | {OPERATOR})
    def list_templates(self, call):
        return self.wordings.all(call)

    @api("PUT", "/{community}/templates/{template}/{language}", takes=schemas.Reword, gives=schemas.TemplateView,
         allow={SECRETARY, OPERATOR})  # fmt: skip
    def reword(self, call, template, language):
        return self.wordings.reword(call, template, language)

    # -- for the other services

    @api("POST", "/internal/export", takes=schemas.AskExport, gives=schemas.ExportView, internal={"residents"}, status=200)
    def export(self, call):
        return self.told.export(call)

    # -- what people are told

    @on(*TOLD, once=by_id("told"), batch=True)
    def tell_whom_it_concerns(self, pairs):
        self.told.tell([Told(call, *telling) for call, event in pairs for telling in tellings(event)])

    @on(*OF_CASES, once=by_id("told"), batch=True)
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

    # -- what notifications keeps of its neighbours

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def project_the_resident(self, call, event):
        self.told.project(call, event.resident_id, language=event.language)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def project_the_worker(self, call, event):
        self.told.project(call, event.worker_id, language=event.language, roles=list(event.roles), until=event.until)

    @on(GuardianLinked, once=by_cause)
    def tell_the_guardian_instead(self, call, event):
        self.told.link(call, event, True)

    @on(GuardianUnlinked, once=by_cause)
    def tell_the_guardian_no_more(self, call, event):
        self.told.link(call, event, False)

    @on(ResidentErased, once=by_cause)
    def forget_the_resident(self, call, event):
        self.told.forget(call, event.resident_id)

    @on(AccessRevoked, once=by_id("revoked"))
    def void_tokens(self, call, event):
        self.revocations.note(event)

    # -- the clock

    @every(5)
    def send_what_is_due(self, call):
        self.told.mail_sender.send_due(call)

    @every(5)
    def sweep(self, call):
        self.told.sweep(call)
