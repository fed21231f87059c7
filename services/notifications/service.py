"""Notifications: the entrypoints of all its parts, and what concerns each of them."""

from __future__ import annotations

from services.notifications.deliveries.service import Messages
from services.notifications.preferences.service import Choices
from services.notifications.templates.service import Words
from shared.entrypoints.inbox import by_cause, on
from shared.entrypoints.service import ServiceBase
from shared.events.residents import ResidentErased


class Notifications(Messages, Choices, Words, ServiceBase):
    """Tells people what concerns them."""

    name = "notifications"

    @on(ResidentErased, once=by_cause)
    def forget_the_resident(self, call, event):
        self.told.forget(call, event.resident_id)
