"""Notifications: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from typing import Any

from services.notifications.deliveries.service import Telling
from services.notifications.preferences.service import Choices
from services.notifications.templates.service import Words
from shared.entrypoints.inbox import by_cause, by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import AccessRevoked, ResidentErased
from shared.runtime.platform import Provided


class Notifications(Telling, Choices, Words):
    """Tells people what concerns them."""

    name = "notifications"

    outboxes: Any = Provided(lambda platform: platform.sweeper())
    revocations: Any = Provided(lambda platform: platform.revocations)

    @on(ResidentErased, once=by_cause)
    def forget_the_resident(self, call, event):
        self.told.forget(call, event.resident_id)

    @on(AccessRevoked, once=by_id("revoked"))
    def void_tokens(self, call, event):
        self.revocations.note(event)

    @every(5)
    def sweep(self, call):
        self.outboxes.sweep(call.at)
