"""Accounts as they were before decision 21: whoever set their passwords and addresses is not known, so they are let go, and
each person is asked in anew by a code to the contact in their record. Resumable; repeated until nothing is left."""

from __future__ import annotations

from services.residents.accounts.domain import is_former
from services.residents.activations.handlers import Activations
from services.residents.former import domain
from services.residents.former.domain import FormerAccount
from services.residents.records import COMMUNITIES, RESIDENTS, WORKERS, Records
from services.residents.staff.handlers import Staff
from shared.calls import Call
from shared.rules.errors import Limited
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.storage.cursors import each
from shared.storage.kinds import Kind
from shared.telemetry import log

FORMER = Kind(FormerAccount, "accounts", indexes=(("due",),))


class FormerAccounts:
    """Asks the people of former accounts in by a code, then deletes the accounts."""

    def __init__(self, platform: Platform) -> None:
        self._accounts = platform.store(FORMER)
        self._activations, self._staff, self._records = Activations(platform), Staff(platform), Records(platform)
        self._communities = platform.store(COMMUNITIES)
        self._people = [platform.store(kind) for kind in (WORKERS, RESIDENTS)]

    def let_go(self, call: Call) -> None:
        """Ask everybody in, then forget the accounts."""
        self._accounts.backend.forget(INSTALLATION, call.at)
        left = self._accounts.all(INSTALLATION, {}, limit=200)
        if not left:
            return
        slugs = [INSTALLATION]
        for community in each(self._communities, call, {}):
            slugs.append(community.id)
            self._staff.own_operator(call, community.id, community.opener)
        for slug in slugs:
            for worker in each(self._people[0], call.plain(slug), {}):
                self._staff.hold(call, worker)
        if not all([self._ask_in(call.plain(slug)) for slug in slugs]):
            return  # some get a code tomorrow: so many went to their phone today
        for account in left:
            self._accounts.change(call.plain(INSTALLATION), account.id, domain.let_go, call.at, forget_replies=True)
        log("accounts").info("let_go", accounts=len(left))

    def _ask_in(self, call: Call) -> bool:
        """Whether everybody of a community has been."""
        done = True
        for store in self._people:
            for person in each(store, call, {}):
                if not is_former(person.account_id) or getattr(person, "state", "active") != "active":
                    continue
                try:
                    self._activations.send(call, person.but(account_id=""))
                except Limited:
                    done = False
                    continue
                self._records.bind(call, person, "")
        return done
