"""Keeps attachments, and gives them to who may see the petition that they belong to."""

from __future__ import annotations

from typing import Any

from services.petitions.attachments import domain
from services.petitions.attachments.domain import Attachment
from services.petitions.directory import Directory
from shared.calls import Call
from shared.entrypoints.api import Raw
from shared.rules.errors import Invalid, Missing
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind
from shared.storage.store import Store

ATTACHMENTS = Kind(Attachment, "attachments", indexes=(("due",),))


class Attachments:
    """Attachments: taken by what they really are, kept encrypted, given to whoever may see the petition."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(ATTACHMENTS)
        self._vault, self._directory = platform.vault, Directory(platform)

    def keep(self, call: Call) -> Attachment:
        """One file, for a petition that is about to be filed or supplemented."""
        data = call.body["data"]
        domain.type_of(data)
        made: Attachment = self.store.create(
            call, domain.keep, self._directory.actor(call).key, data, self._vault.lock(data), call.at
        )
        return made

    def check(self, call: Call, ids: list[str]) -> list[str]:
        """By what a petition with these files is found. Raises Invalid where one is not there, or somebody else's."""
        owner = self._directory.actor(call).key
        files = self.store.several(call.plain(), ids)  # not to be kept with the call: they are large
        for n, (id, found) in enumerate(zip(ids, files, strict=True)):
            if found is None or found.owner != owner:
                raise Invalid("attachment_missing", f"no such attachment: {id[:40]}", f"attachments.{n}")
        return [f"file:{id}" for id in ids]

    def give(self, call: Call, of: list[str], id: str) -> Raw:
        """One of these files."""
        found = self.store.find(call.community, id) if id in of else None
        if found is None:
            raise Missing("attachment_missing", "no such attachment")
        return Raw(self._vault.unlock(found.data), found.type, found.filename)

    def drop(self, call: Call, ids: list[str]) -> None:
        """Nothing of them is kept."""
        for found in self.store.several(call.plain(), ids):
            if found is not None:
                self.store.change(call.plain(), found.id, domain.drop, forget_replies=True)

    def turn(self, call: Call, attachment: Attachment, petitions: Store[Any]) -> None:
        """A day later: bound by what refers to it, or gone."""
        bound = petitions.all(call.community, {"found_by": f"file:{attachment.id}"}, limit=1)
        self.store.change(call, attachment.id, domain.bind if bound else domain.drop)
