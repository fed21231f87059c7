"""Appoints, changes and dismisses those who work for a community."""

from __future__ import annotations

from typing import Any

from services.residents.accounts import domain as accounts
from services.residents.accounts.handlers import Accounts
from services.residents.activations.handlers import Activations
from services.residents.records import COMMUNITIES, WORKERS, with_plain_phones
from services.residents.staff import domain
from services.residents.staff.domain import Giver, Offices, Worker
from shared.calls import Call
from shared.rules.errors import Forbidden
from shared.rules.roles import INSTALLATION, OPERATOR, SECRETARY, STREET_OFFICER
from shared.runtime.platform import Platform
from shared.storage.kinds import Kind

OFFICES = Kind(Offices, "offices")


class Staff:
    """Workers' records, their roles, and who holds the offices that a community is never without."""

    def __init__(self, platform: Platform) -> None:
        self._accounts, self._activations, self._audit = Accounts(platform), Activations(platform), platform.audit
        self._communities = platform.store(COMMUNITIES)
        self._workers, self._offices = platform.store(WORKERS), platform.store(OFFICES)

    def appoint(self, call: Call) -> Worker:
        """A worker, in the roles that the caller may give alone; the others are proposed."""
        facts = with_plain_phones(dict(call.body))
        worker: Worker = self._workers.create(call, domain.appoint, facts, giver(call), call.at)
        self.hold(call, worker)
        return worker

    def appoint_first(self, call: Call, slug: str) -> dict[str, Any]:
        """A community's first secretary and street officer, by the word of who runs the installation; once."""
        if not call.installation:
            raise Forbidden("not_the_installation", "the first people are named by the installation's operator")
        self._communities.get(call.plain(INSTALLATION), slug)
        domain.check_vacant(self._workers.all(slug, {"roles": SECRETARY}, limit=1, order="_id"))
        inside, made = call.plain(slug), {}
        for role, person in ((SECRETARY, call.body["secretary"]), (STREET_OFFICER, call.body["street_officer"])):
            facts = with_plain_phones({**person, "roles": [role]})
            # The same two, whoever else is named at the same moment, and after a crash between the two.
            inside.caused_by = f"bootstrap/{slug}/{role}"
            made[role] = self._workers.create(inside, domain.found_office, facts, call.at)
        self._audit.record(call.plain(slug), "bootstrap", [worker.id for worker in made.values()])
        for worker in made.values():
            self.hold(call, worker)
        return {role: worker.id for role, worker in made.items()}

    def change(self, call: Call, id: str) -> Worker:
        """Other roles, another term, other contact details. Raises Forbidden, Conflict("last_secretary")."""
        facts = with_plain_phones(dict(call.body))
        if facts.keys() & {"roles", "until"}:
            after, _ = domain.change_worker(self._workers.get(call, id), facts, giver(call), call.at)
            self._let_go(call, id, after.roles, after.until)
        try:
            worker: Worker = self._workers.change(call, id, domain.change_worker, facts, giver(call), call.at)
        finally:
            self.follow(call, id)  # also where it was refused: offices are as the record says
        return worker

    def dismiss(self, call: Call, id: str) -> None:
        """The person works here no more, from now on. Raises Forbidden, Conflict."""
        domain.dismiss(self._workers.get(call, id), giver(call), call.at)
        self._let_go(call, id, [], call.at)
        try:
            self._workers.change(call, id, domain.dismiss, giver(call), call.at)
        finally:
            self.follow(call, id)

    def confirm(self, call: Call, id: str, role: str) -> Worker:
        """A second person agrees to a role."""
        worker: Worker = self._workers.change(call, id, domain.confirm, role, giver(call), call.at)
        self.follow(call, id)
        return worker

    def turn_down(self, call: Call, id: str, role: str) -> Worker:
        """The role is not given."""
        changed: Worker = self._workers.change(call, id, domain.turn_down, role, giver(call))
        return changed

    def link(self, call: Call, id: str) -> None:
        """The worker is asked in, and account and offices are as the record says now; safe to repeat."""
        worker = self._workers.find(call.community, id)
        if worker is not None and (worker.roles or worker.proposed):
            self._activations.send_after(call, worker)
        self.follow(call, id)

    def follow(self, call: Call, id: str) -> None:
        """Offices and account are as the record says now; safe to repeat."""
        worker = self._workers.find(call.community, id)
        if worker is not None:
            self.hold(call, worker)
            self._accounts.follow(call, worker)

    def may_send(self, call: Call, id: str) -> None:
        """That the caller may give the roles of whom a code is to be sent. Raises Forbidden, Missing."""
        worker = self._workers.get(call, id)
        domain.check_given({*worker.roles, *worker.proposed} - {domain.TERM}, giver(call))

    def own_operator(self, call: Call, slug: str, opener: str) -> None:
        """Whoever opened a community is its operator; safe to repeat."""
        own = self._workers.find(INSTALLATION, opener)
        if own is not None and own.account_id and OPERATOR in own.roles:
            args = (slug, own.id, [OPERATOR], own.until, own.version, call.at)
            self._accounts.store.change(call.plain(INSTALLATION), own.account_id, accounts.enter, *args)

    def hold(self, call: Call, worker: Worker) -> None:
        """Who holds which office is as the record says; safe to repeat."""
        inside = call.plain(worker.community)
        args = (worker.id, worker.roles, worker.until, worker.version)
        self._offices.ensure(inside, worker.community, lambda _: Offices(), domain.hold, *args)

    def _let_go(self, call: Call, id: str, roles: list[str], until: Any) -> None:
        args = (id, roles, until, call.at)
        self._offices.ensure(call.plain(), call.community, lambda _: Offices(), domain.let_go, *args)


def giver(call: Call) -> Giver:
    """The caller, as one who gives roles."""
    return Giver(call.actor, call.roles, call.installation)
