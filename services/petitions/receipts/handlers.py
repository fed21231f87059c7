"""What the holder of a receipt code may do, and no one else."""

from __future__ import annotations

from typing import Any

from services.petitions.cases import domain as cases
from services.petitions.cases.domain import Petition
from services.petitions.cases.handlers import PETITIONS
from services.petitions.directory import Directory
from services.petitions.domain import Actor
from services.petitions.receipts import domain
from shared.calls import Call
from shared.runtime.platform import Platform


class Receipts:
    """Shows a petition to the holder of its receipt code, who may act on it, and say who they are."""

    def __init__(self, platform: Platform) -> None:
        self._petitions = platform.store(PETITIONS)
        self._directory = Directory(platform)

    def open(self, call: Call) -> Petition:
        """The petition of the code in the body. Raises Missing("receipt_unknown"), Limited("receipt_locked")."""
        place, _ = domain.read_code(call.body["code"])
        found = self._petitions.all(call.community, {"found_by": f"receipt:{place}"}, limit=1) if place else []
        if not found:
            raise domain.unknown()
        tried: Petition = self._petitions.change(call.plain(), found[0].id, domain.check, call.body["code"], call.at)
        if tried.receipt["failures"]:
            raise domain.unknown()
        return tried

    def read(self, call: Call) -> Petition:
        """As its petitioner sees it."""
        return _shown(self.open(call))

    def act(self, call: Call, decide: Any, *args: Any, timed: bool = True) -> Petition:
        """An act of its petitioner."""
        found = self.open(call)
        rest = (ANONYMOUS, self._directory.locale(call), call.at) if timed else (ANONYMOUS, call.at)
        return _shown(self._petitions.change(call.showing(_shown), found.id, decide, *args, *rest))

    def identify(self, call: Call) -> Petition:
        """From now on it is the caller's."""
        found, actor = self.open(call), self._directory.actor(call)
        return _shown(
            self._petitions.change(call.showing(_shown), found.id, domain.identify, call.actor, actor.key, actor, call.at)
        )


ANONYMOUS = Actor("", "anonymous")


def _shown(petition: Petition) -> Petition:
    return cases.seen_by(petition, Actor("", "anonymous", key=petition.found_by[0]))
