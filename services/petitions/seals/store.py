"""Where sealed complainants lie."""

from __future__ import annotations

from typing import Any

from services.petitions.seals.domain import SealedIdentity
from shared.calls import Call
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

SEALS = Kind(SealedIdentity, "seals", trailed=True)


class Seals:
    """Sealed complainants, encrypted under a key of their own, apart from the case."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(SEALS)

    def close(self, call: Call, id: str, number: str, petitioners: list[dict[str, Any]]) -> None:
        """Before the petition is there: none is ever without its seal. Safe to repeat."""
        sealed = SealedIdentity(id=id, community=call.community, number=number, petitioners=petitioners)
        self.store.create_all([(call.plain(), sealed, [])])

    def people(self, community: str, id: str) -> list[str]:
        """Whom to tell; for the process alone."""
        found = self.store.find(community, id)
        return [p["resident_id"] for p in found.petitioners if p.get("resident_id")] if found else []
