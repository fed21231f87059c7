"""Opens a sealed complainant, by two."""

from __future__ import annotations

from typing import Any

from services.petitions.cases.domain import check_not_recused
from services.petitions.cases.handlers import PETITIONS
from services.petitions.directory import Directory, word
from services.petitions.domain import Actor
from services.petitions.seals import domain
from services.petitions.seals.domain import SealedIdentity
from services.petitions.seals.store import SEALS
from shared.calls import Call
from shared.rules.errors import Forbidden, Missing
from shared.runtime.platform import Platform
from shared.storage.store import Page


class Opening:
    """What the people who may open a seal need."""

    def __init__(self, platform: Platform) -> None:
        self._seals, self._petitions = platform.store(SEALS), platform.store(PETITIONS)
        self._audit = platform.audit
        self._directory = Directory(platform)

    def ask(self, call: Call, id: str) -> dict[str, Any]:
        """A request, for somebody else to grant."""
        actor, request = self._may(call, id), word(8)

        def shown(seal: SealedIdentity) -> dict[str, Any]:
            return seal.shown(request)

        return shown(self._change(call.showing(shown), id, domain.ask, request, call.body["purpose"], actor))

    def page(self, call: Call, id: str) -> Page:
        """Every request to open it, newest first: what another person is to grant."""
        self._may(call, id)
        seal = self._seals.find(call.community, id)
        return Page([seal.shown(request["id"]) for request in reversed(seal.requests)] if seal else [], None)

    def grant(self, call: Call, id: str, request: str) -> dict[str, Any]:
        """A second person agrees."""
        actor, seal = self._may(call, id), self._seals.get(call, id, code="seal_missing")
        by = seal.request(request)["by"]
        if by != actor.id and not self._directory.may_open_together(call, by, actor.id, domain.GIVEN_LATELY):
            raise Forbidden("appointed_lately", "one of you gave the other a role within 30 days: it takes somebody else")

        def shown(seal: SealedIdentity) -> dict[str, Any]:
            return seal.shown(request)

        return shown(self._change(call.showing(shown), id, domain.grant, request, actor))

    def look(self, call: Call, id: str, request: str) -> dict[str, Any]:
        """The complainant, for the quarter of an hour; in the log before anybody sees it."""
        actor = self._may(call, id)
        seal = self._change(call.showing(lambda seal: None), id, domain.look, request, actor)
        # The log is kept for ever: it names the request, whose purpose is encrypted with the seal.
        self._audit.record(call, "seal_opened", [id], f"request:{request}")
        return {"petitioners": seal.petitioners, "until": seal.request(request)["until"]}

    def _change(self, call: Call, id: str, decide: Any, *args: Any) -> SealedIdentity:
        changed: SealedIdentity = self._seals.change(call, id, decide, *args, call.at)
        return changed

    def _may(self, call: Call, id: str) -> Actor:
        actor, petition = self._directory.actor(call), self._petitions.find(call.community, id)
        if petition is None or not petition.confidential or petition.hides_from(actor):
            raise Missing("seal_missing", "no sealed petition of this id")
        check_not_recused(petition, actor)
        return actor
