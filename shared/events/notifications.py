"""Said by notifications: what became of a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class DeliveryFailed(Event):
    """A message could not be delivered on this channel and will not be tried again."""

    delivery_id: str
    channel: str
    template: str
    reason: str
    at: datetime
