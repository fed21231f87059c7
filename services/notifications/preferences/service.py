"""Entrypoints: how people want to be told, and what is known of them by listening."""

from __future__ import annotations

from typing import Any

from services.notifications.preferences import schemas
from services.notifications.preferences.handlers import PREFERENCES, Recipients
from shared.entrypoints.api import api
from shared.entrypoints.inbox import by_cause, on
from shared.events.residents import (
    GuardianLinked,
    GuardianUnlinked,
    ResidentChanged,
    ResidentRegistered,
    WorkerAppointed,
    WorkerChanged,
)
from shared.rules.roles import EVERYBODY
from shared.runtime.platform import Provided, Stored


class Choices:
    """Language and channels of each person."""

    preferences = Stored(PREFERENCES)
    recipients: Any = Provided(Recipients)

    @api("GET", "/{community}/preferences", gives=schemas.PreferencesView, allow=EVERYBODY)
    def read_preferences(self, call):
        return self.recipients.own(call)

    @api("PATCH", "/{community}/preferences", takes=schemas.ChoosePreferences, gives=schemas.PreferencesView, allow=EVERYBODY)
    def choose_preferences(self, call):
        return self.recipients.choose(call)

    # -- what notifications keeps of its neighbours

    @on(ResidentRegistered, ResidentChanged, once=by_cause)
    def project_the_resident(self, call, event):
        self.recipients.project(call, event.resident_id, language=event.language)

    @on(WorkerAppointed, WorkerChanged, once=by_cause)
    def project_the_worker(self, call, event):
        self.recipients.project(call, event.worker_id, language=event.language, roles=list(event.roles), until=event.until)

    @on(GuardianLinked, once=by_cause)
    def tell_the_guardian_instead(self, call, event):
        self.recipients.link(call, event, True)

    @on(GuardianUnlinked, once=by_cause)
    def tell_the_guardian_no_more(self, call, event):
        self.recipients.link(call, event, False)
