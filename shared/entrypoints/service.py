"""What every service does beside its own work."""

from __future__ import annotations

from typing import Any

from shared.calls import Call
from shared.entrypoints.inbox import by_id, on
from shared.entrypoints.timers import every
from shared.events.residents import AccessRevoked
from shared.runtime.platform import Provided


class ServiceBase:
    """The class of a service inherits it: tokens are void in time, and what a crash left in an outbox is published."""

    revocations: Any = Provided(lambda platform: platform.revocations)
    outboxes: Any = Provided(lambda platform: platform.sweeper())

    @on(AccessRevoked, once=by_id("revoked"))
    def void_tokens(self, call: Call, event: AccessRevoked) -> None:
        """Note which tokens are void before their time."""
        self.revocations.note(event)

    @every(5)
    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self.outboxes.sweep(call.at)
