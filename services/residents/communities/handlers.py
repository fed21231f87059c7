"""Opens communities, and shows the tree that they stand in."""

from __future__ import annotations

import dataclasses
from typing import Any

from services.residents.communities import domain
from services.residents.communities.domain import Community
from services.residents.records import COMMUNITIES
from services.residents.staff.handlers import Staff
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.storage.cursors import each
from shared.storage.store import Page


class Communities:
    """The communities of the installation, and their own calendars."""

    def __init__(self, platform: Platform) -> None:
        self._communities = platform.store(COMMUNITIES)
        self._staff = Staff(platform)

    def open(self, call: Call) -> Community:
        """A new community, run by the operator who opened it. Raises Conflict("slug_taken")."""
        if not call.installation:
            raise Forbidden("not_the_installation", "communities are opened by the installation's operator")
        facts = dict(call.body)
        slug = facts.pop("slug")
        street_id = derived_id(facts["district"], facts["street"])
        made: Community = self._communities.create(
            call,
            domain.open_community,
            **facts,
            street_id=street_id,
            opener=call.actor,
            at=call.at,
            id=slug,
            refusal=lambda: Conflict("slug_taken", "another community has this slug"),
        )
        self.let_the_opener_in(call, slug)
        return made

    def let_the_opener_in(self, call: Call, slug: str) -> None:
        """Whoever opened it is its operator; safe to repeat."""
        community = self._communities.find(INSTALLATION, slug)
        if community is not None:
            self._staff.own_operator(call, slug, community.opener)

    def visible(self, call: Call) -> Page:
        """A page of the communities that the caller's token opens (P18); of all of them for the installation's operator."""
        return self._communities.page(call, self._shown(call), **call.query)

    def tree(self, call: Call) -> list[dict[str, Any]]:
        """The same, all of them, as an organisation tree."""
        return domain.tree(list(each(self._communities, call, self._shown(call))))

    def _shown(self, call: Call) -> dict[str, Any]:
        return {} if call.installation else {"_id": {"$in": sorted(call.slugs)}}

    def set_calendar(self, call: Call) -> Community:
        """The community's own working days and days off."""
        inside = dataclasses.replace(call, community=INSTALLATION)
        args = (call.body["working"], call.body["off"], call.at)
        changed: Community = self._communities.change(inside, call.community, domain.set_calendar, *args)
        return changed
