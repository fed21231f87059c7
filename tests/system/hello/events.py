"""Said by hello."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class SomebodyGreeted(Event):
    """Somebody was greeted."""

    greeting_id: str
    at: datetime
