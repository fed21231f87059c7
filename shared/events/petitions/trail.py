"""Said of the trail: how long a community's chain is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.events.base import Event


@dataclass(frozen=True)
class TrailCheckpointed(Event):
    """The chain has `n` entries, the last with this hash. `signature` is the service's detached JWS: whoever keeps the
    newest one can tell later that nothing was cut off."""

    checkpoint_id: str
    n: int
    hash: str
    signature: str
    at: datetime
