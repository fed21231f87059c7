"""Finds a case of any kind, and its acts in the chain."""

from __future__ import annotations

from typing import Any

from services.petitions.cases.handlers import PETITIONS
from services.petitions.court.handlers import COURT_CASES
from services.petitions.directory import Directory
from services.petitions.disputes.handlers import DISPUTES
from services.petitions.help.handlers import HELP
from shared.calls import Call
from shared.rules.errors import Missing
from shared.runtime.platform import Platform


class Chain:
    """Finds a case of any kind, and its acts."""

    def __init__(self, platform: Platform) -> None:
        self._directory, self._audit = Directory(platform), platform.audit
        self._stores = {kind.collection: platform.store(kind) for kind in (PETITIONS, DISPUTES, HELP, COURT_CASES)}

    def of(self, call: Call) -> list[dict[str, Any]]:
        """Its acts, in the order of the chain. Raises Missing where the caller may not know of it."""
        id, actor = call.query["case"], self._directory.actor(call)
        for collection, store in self._stores.items():
            case = store.find(call.community, id)
            if case is not None and case.visible_to(actor):
                return self._audit.acts(call.community, f"{collection}/{id}")
        raise Missing("case_missing", "no such case")
