"""Keeps how each person is told: the language, the channels, and who is told instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from services.notifications.preferences import domain
from services.notifications.preferences.domain import ROLE, Preferences
from shared.calls import Call
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

PREFERENCES = Kind(Preferences, "preferences", indexes=(("roles",),))
Holders = Callable[[str, str], list[Preferences]]


class Recipients:
    """Whom a message reaches, and how they want it."""

    def __init__(self, platform: Platform) -> None:
        self._preferences = platform.store(PREFERENCES)

    # -- a person's own

    def own(self, call: Call) -> Preferences:
        """The caller's preferences, or the defaults."""
        return self.find(call.community, call.actor) or Preferences()

    def choose(self, call: Call) -> Preferences:
        """The caller's own choice."""
        channels, language = call.body.get("channels", {}), call.body.get("language")
        made: Preferences = self._preferences.ensure(
            call, call.actor, lambda _: Preferences(), domain.choose, channels, language
        )
        return made

    # -- of whom is told

    def find(self, community: str, person: str) -> Preferences | None:
        """What is known of a person, if anything is."""
        found: Preferences | None = self._preferences.find(community, person)
        return found

    def language(self, community: str, person: str) -> str:
        """What a person reads."""
        found = self.find(community, person)
        return found.language if found else "zh-CN"

    def known(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Preferences | None]:
        """Preferences by person: the defaults for those never heard of, None for those erased."""
        ordered = list(keys)
        documents = self._preferences.backend.read(ordered)
        return {
            key: Preferences() if document is None else None if document.get("gone") else self._preferences.load(document)
            for key, document in zip(ordered, documents, strict=True)
        }

    def holders(self) -> Holders:
        """Who holds a role in a community, asked once for a whole batch."""
        return cache(lambda community, role: self._preferences.all(community, {"roles": role}))

    def people(self, call: Call, who: str, holders: Holders, but: Sequence[str] = ()) -> list[str]:
        """One person, or all who hold the first of these roles that somebody else than `but` holds here now."""
        if not who.startswith(ROLE):
            return [who] if who not in but else []
        for role in who.removeprefix(ROLE).split("|"):
            working = (p for p in holders(call.community, role) if p.until is None or p.until > call.at)
            if present := [p.id for p in working if p.id not in but]:
                return present
        return []

    # -- listening

    def project(self, call: Call, person: str, **facts: Any) -> None:
        """Keep in which language somebody reads, and in which roles they work until when."""
        self._preferences.ensure(call, person, lambda _: Preferences(**facts), domain.project, facts)

    def link(self, call: Call, event: Any, linked: bool) -> None:
        """Keep who is told instead of a child."""
        self._preferences.ensure(call, event.child_id, lambda _: Preferences(), domain.link, event.guardian_id, linked)

    def forget(self, call: Call, person: str) -> None:
        """The person was erased: nobody is told by this id any more."""
        self._preferences.ensure(call, person, lambda _: Preferences(), domain.forget_person)
