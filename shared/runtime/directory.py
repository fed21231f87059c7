"""What a service keeps of its neighbours by listening: the newest news of each fact wins, and late news gets a moment."""

from __future__ import annotations

import dataclasses
import re
import time
from datetime import datetime
from typing import Any

from shared.calls import Call
from shared.events.base import Event
from shared.events.locale import Locale
from shared.rules.errors import Unavailable
from shared.runtime.platform import Platform
from shared.storage.cursors import EPOCH
from shared.storage.kinds import Kind
from shared.storage.store import Store

LOCALES = Kind(Locale, "locales")
NEWS_WAIT_SECONDS = 2.0  # seconds; the neighbour's event is on its way
_GIVEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Locales:
    """The communities' clocks and calendars."""

    def __init__(self, platform: Platform) -> None:
        self.store = platform.store(LOCALES)
        self._known: set[str] = set()
        platform.knows = self.knows

    def knows(self, community: str) -> bool:
        """Whether it was ever opened. Whoever asks for one that was not has nothing read, but once a second for all of them."""
        if community not in self._known:
            self._known = {one for one, at in self.store.backend.written().items() if at > EPOCH}
        return community in self._known

    def of(self, call: Call) -> Locale:
        """The community's clock and calendar; waits a moment for the news that it was opened. Raises Unavailable."""
        found: Locale | None = look_up(self.store, call.community, call.community)
        if found is None:
            raise Unavailable("community_unknown", "this community is not known here yet", retry_after=2)
        return found

    def project_community(self, call: Call, event: Any) -> None:
        """Keep a community's time zone."""
        project(self.store, _inside(call, event), event.community_id, Locale, event.at, timezone=event.timezone)

    def project_calendar(self, call: Call, event: Any) -> None:
        """Keep the days on which a community's calendar differs."""
        days = {day: True for day in event.working} | {day: False for day in event.off}
        project(self.store, _inside(call, event), event.community_id, Locale, event.at, calendar=days)


def project(store: Store[Any], call: Call, id: str, kind: type, as_of: datetime, **facts: Any) -> None:
    """Keep facts that were said at a time, unless newer ones are known. For kinds with a field `heard`."""

    # Known from its first write on: whoever asks in between must not find half of it.
    def new(_: str) -> Any:
        return kind(**facts, heard=dict.fromkeys(facts, as_of))

    store.ensure(call, id, new, _set, as_of, facts)


def look_up(store: Store[Any], community: str, id: str) -> Any:
    """What is known by listening; news that is on its way gets two seconds, if the id can be one that was given here."""
    until = time.monotonic() + (NEWS_WAIT_SECONDS if _GIVEN.fullmatch(id) or id == community else 0)
    while (found := store.find(community, id)) is None and time.monotonic() < until:
        time.sleep(0.05)
    return found


def _inside(call: Call, event: Any) -> Call:
    """Communities are the installation's; what is kept of one is its own."""
    return dataclasses.replace(call, community=event.community_id)


def _set(state: Any, as_of: datetime, facts: dict[str, Any]) -> tuple[Any, list[Event]]:
    new = {name: value for name, value in facts.items() if state.heard.get(name, as_of) <= as_of}
    return state.but(**new, heard=state.heard | dict.fromkeys(new, as_of)), []
