"""The people of a community: what an entrypoint needs of several stores at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from services.residents import domain
from services.residents.accounts import Accounts
from services.residents.domain import Community, Household, Resident, Worker
from shared.calls import INSTALLATION, Call, derived_id
from shared.errors import Conflict, Forbidden, Invalid, Missing
from shared.identity import GUARDIAN, OPERATOR, RESIDENT, STAFF
from shared.internal import ask
from shared.platform import Platform
from shared.privacy import e164, name_forms
from shared.settings import read
from shared.store import Kind, Page, Store


def _of_active(forms: Any) -> Any:
    return lambda person: set() if getattr(person, "state", "active") != domain.ACTIVE else forms(person)


COMMUNITIES = Kind(Community, "communities")
RESIDENTS = Kind(
    Resident,
    "residents",
    sealed_unique="id_number",
    indexes=(("state", "born"), ("state", "groups", "born"), ("guardians",)),
    search={
        "name": _of_active(lambda r: name_forms(r.name)),
        "phone": _of_active(lambda r: {r.phone} if r.phone else set()),
        "id_number": _of_active(lambda r: {r.id_number.upper()} if r.id_number else set()),
    },
)
HOUSEHOLDS = Kind(Household, "households", indexes=(("members",),))
WORKERS = Kind(Worker, "workers", search={"name": lambda w: name_forms(w.name)})


class People:
    """Residents, workers, households and communities, with the accounts behind them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._accounts = Accounts(platform)
        self._communities = platform.store(COMMUNITIES)
        self._residents = platform.store(RESIDENTS)
        self._households = platform.store(HOUSEHOLDS)
        self._workers = platform.store(WORKERS)
        self._sweeper = platform.sweeper()
        self._bootstrap()

    def _bootstrap(self) -> None:
        """The installation's first operator, from LINLI_OPERATOR_PHONE and _PASSWORD, where these are set."""
        environ = self._platform.settings.environ
        phone, password = read(environ, "LINLI_OPERATOR_PHONE", ""), read(environ, "LINLI_OPERATOR_PASSWORD", "")
        if not phone:
            return
        call = Call(community=INSTALLATION, at=self._platform.clock.now(), actor="bootstrap", cause="bootstrap")
        facts = self._with_account({"name": "operator", "phone": phone, "roles": [OPERATOR]})
        worker = self._workers.create(call, domain.appoint, facts, call.at)
        self._accounts.link(call, worker, worker.roles)
        call.body = {"password": password}
        self._accounts.set_first_password(call, worker)

    # -- communities

    def open_community(self, call: Call) -> Community:
        """A new community, run by the operator who opened it. Raises Conflict("slug_taken")."""
        if not call.installation:
            raise Forbidden("not_the_installation", "communities are opened by the installation's operator")
        facts = dict(call.body)
        slug = facts.pop("slug")
        street_id = derived_id(facts["district"], facts["street"])
        made: Community = self._communities.create(
            call, domain.open_community, **facts, street_id=street_id, opener=call.actor, at=call.at, id=slug,
            taken=lambda: Conflict("slug_taken", "another community has this slug"),
        )  # fmt: skip
        self.let_the_opener_in(call, slug)
        return made

    def let_the_opener_in(self, call: Call, slug: str) -> None:
        """The opener's account opens the community, as its operator; safe to repeat."""
        community = self._communities.find(INSTALLATION, slug)
        if community is None:
            return
        own = self._workers.find(INSTALLATION, community.opener)
        if own is None:
            return
        membership = own.but(community=slug, id=own.id)
        self._accounts.link(call, membership, [OPERATOR])

    def visible_communities(self, call: Call) -> Page:
        """A page of the communities that the caller's token opens (P18); of all of them for the installation's operator."""
        return self._communities.page(call, self._visible(call), **call.query)

    def tree(self, call: Call) -> list[dict[str, Any]]:
        """The same, all of them, as an organisation tree."""
        return domain.tree(list(_each(self._communities, call, self._visible(call))))

    def _visible(self, call: Call) -> dict[str, Any]:
        runs_all = call.community == INSTALLATION and OPERATOR in call.roles and call.installation
        return {} if runs_all else {"_id": {"$in": sorted(call.slugs)}}

    # -- residents

    def register(self, call: Call) -> Resident:
        """A new resident with an account if there is a phone. Raises Conflict("already_registered") for a known ID number."""
        facts = self._with_account(dict(call.body))
        taken = lambda: Conflict("already_registered", "this ID number is registered here")  # noqa: E731
        resident: Resident = self._residents.create(call, domain.register, facts, call.actor, call.at, taken=taken)
        self._accounts.link(call, resident, self._resident_roles(call, resident))
        return resident

    def page(self, call: Call) -> Page:
        """The community's residents, a group's if asked for."""
        where: dict[str, Any] = {"state": domain.ACTIVE}
        if "group" in call.query:
            where["groups"] = call.query["group"]
        return self._residents.page(call, where, limit=call.query["limit"], after=call.query["after"])

    def search(self, call: Call) -> Page:
        """Residents by name (or pinyin), phone or ID number: exactly one of them."""
        given = [name for name in ("name", "phone", "id_number") if name in call.body]
        if len(given) != 1:
            raise Invalid("search_one", "search by exactly one of name, phone, id_number", "name")
        text = call.body[given[0]]
        text = e164(text) if given[0] == "phone" else text.upper() if given[0] == "id_number" else normalised(text)
        # Only the active have searchable forms.
        where = self._residents.searched(call, given[0], text)
        return self._residents.page(call, where, limit=call.body["limit"], after=call.body["after"])

    def read(self, call: Call, id: str) -> Resident:
        """One record, for those who may see it."""
        return domain.readable(self._residents.get(call, id), call.actor, call.is_one_of(*STAFF))

    def change(self, call: Call, id: str) -> Resident:
        """Correct a record; a person may correct their own."""
        self.read(call, id)
        if "groups" in call.body and not call.is_one_of(*STAFF):
            raise Forbidden("not_yours", "groups are set by the community's workers")
        changed: Resident = self._residents.change(call, id, domain.change, self._with_account(dict(call.body)), call.at)
        self.link_resident(call, id)
        return changed

    def erase(self, call: Call, id: str) -> None:
        """Forget a person, here and, by the event, everywhere."""
        self.read(call, id)
        before = self._residents.get(call, id)
        after: Resident = self._residents.change(call, id, domain.erase, call.at)
        self._leave(call, before)
        if after.gone and before.household_id:
            self._leave_household(call, before)

    def forget(self, call: Call, id: str) -> None:
        """What `erase` may have left undone; safe to repeat."""
        gone = self._residents.backend.read([(call.community, id)])[0]
        if gone is None:
            return
        for account_id in [gone.get("account_id", ""), *gone.get("former_accounts", [])]:
            self._accounts.unlink(call, account_id, call.community, id)
        for child in self._residents.all(call.community, {"guardians": id}):
            self._residents.change(call, child.id, domain.unlink_guardian, id, call.at)
        for household in self._households.all(call.community, {"members": id}):
            self._households.change(call, household.id, domain.without_member, id)

    def erase_released(self, call: Call) -> None:
        """Erase restricted records whose last legal hold has run out."""
        for community in _each(self._communities, call.plain(INSTALLATION), {}):
            inside = call.plain(community.id)
            for resident in _each(self._residents, inside, {"state": domain.RESTRICTED}):
                self._residents.change(inside, resident.id, domain.erase, call.at)

    def export(self, call: Call, id: str) -> dict[str, Any]:
        """All that the installation holds of one person (个人信息保护法 art. 45)."""
        resident = self.read(call, id)
        household = self._households.find(call.community, resident.household_id) if resident.household_id else None
        children = self._residents.all(call.community, {"guardians": id})
        own = {"own": call.actor == id}
        elsewhere = {
            peer: ask(self._platform, peer, "/internal/export", {"community": call.community, "resident_id": id} | more, call)
            # What is restricted (a sealed petition, private help) is for oneself alone.
            for peer, more in (("bookings", {}), ("notifications", own), ("petitions", own))
        }
        return {
            "resident": resident,
            "holds": resident.holds,
            "household": {"id": household.id, "address": household.address, "members": household.members}
            if household
            else None,
            "children": [child.id for child in children],
            "account": self._accounts.summary(resident.account_id, call.community),
            "elsewhere": elsewhere,
        }

    def birth_date(self, call: Call) -> dict[str, str]:
        """A child's birth date, for the service that must know its age. Logged with its purpose."""
        community, id = call.body["community"], call.body["id"]
        child = self._residents.find(community, id)
        if child is None or child.state != domain.ACTIVE:
            raise Missing("person_missing", "no such resident")
        self._platform.audit.record(call.plain(community), "read_birth_date", [id], purpose=call.body["purpose"])
        return {"birth_date": child.birth_date}

    def set_calendar(self, call: Call) -> Community:
        """The community's own working days and days off."""
        inside = dataclasses.replace(call, community=INSTALLATION)
        args = (call.body["working"], call.body["off"], call.at)
        changed: Community = self._communities.change(inside, call.community, domain.set_calendar, *args)
        return changed

    def contacts(self, call: Call) -> dict[str, Any]:
        """Where people can be reached, for a service that must tell them something; nothing of those who are not here.
        Logged with its purpose."""
        ids = call.body["ids"]
        inside = Call(community=call.body["community"], at=call.at, actor=call.actor, correlation=call.correlation)
        residents = dict(zip(ids, self._residents.several(inside, ids), strict=True))
        others = [id for id in ids if residents[id] is None]
        known = residents | dict(zip(others, self._workers.several(inside, others), strict=True))
        here = {id: p for id, p in known.items() if p and getattr(p, "state", domain.ACTIVE) == domain.ACTIVE}
        if here:
            self._platform.audit.record_each(inside, "read_contact", list(here), purpose=call.body["purpose"])
        shown = {id: {"email": p.email, "phone": p.phone, "language": p.language} for id, p in here.items()}
        return {"people": shown}

    # -- households

    def found_household(self, call: Call) -> Household:
        """A household of residents who are known."""
        self._must_exist(call, call.body["members"])
        made: Household = self._households.create(call, domain.found_household, call.body["address"], call.body["members"])
        self._move_in(call, made)
        return made

    def set_members(self, call: Call, id: str) -> Household:
        """Who lives there now."""
        self._must_exist(call, call.body["members"])
        before = self._households.get(call, id)
        after: Household = self._households.change(call, id, domain.set_members, call.body["members"])
        for gone in set(before.members) - set(after.members):
            self._residents.change(call.plain(), gone, domain.move_to, "")
        self._move_in(call, after)
        return after

    def _must_exist(self, call: Call, ids: Any) -> None:
        for id in ids:
            if self._residents.find(call.community, id) is None:
                raise Invalid("resident_unknown", "no such resident", "members")

    def _move_in(self, call: Call, household: Household) -> None:
        for member in household.members:
            self._residents.change(call.plain(), member, domain.move_to, household.id)

    def _leave_household(self, call: Call, resident: Resident) -> None:
        if self._households.find(call.community, resident.household_id):
            self._households.change(call.plain(), resident.household_id, domain.without_member, resident.id)

    # -- workers

    def appoint(self, call: Call) -> Worker:
        """A worker with an account. Only the installation's operator makes operators."""
        self._check_roles(call)
        worker: Worker = self._workers.create(call, domain.appoint, self._with_account(dict(call.body)), call.at)
        self._accounts.link(call, worker, worker.roles, worker.until)
        return worker

    def change_worker(self, call: Call, id: str) -> Worker:
        """Other roles or another term, in the account too."""
        self._check_roles(call)
        worker: Worker = self._workers.change(call, id, domain.change_worker, dict(call.body), call.at)
        self._accounts.link(call, worker, worker.roles, worker.until)
        return worker

    def _check_roles(self, call: Call) -> None:
        if OPERATOR in call.body.get("roles", []) and OPERATOR not in call.roles:
            raise Forbidden("role_too_high", "only an operator appoints operators")

    # -- accounts, from one's own events

    def link_resident(self, call: Call, id: str) -> None:
        """The resident's account opens the community, and accounts of former phones no longer do."""
        resident = self._residents.find(call.community, id)
        if resident is None or resident.state != domain.ACTIVE:
            return
        self._accounts.link(call, resident, self._resident_roles(call, resident))
        for former in resident.former_accounts:
            if former != resident.account_id:
                self._accounts.unlink(call, former, call.community, id)

    def link_worker(self, call: Call, id: str) -> None:
        """The worker's account opens the community in the worker's roles."""
        worker = self._workers.find(call.community, id)
        if worker is not None:
            self._accounts.link(call, worker, worker.roles, worker.until)

    def make_guardian(self, call: Call, id: str) -> None:
        """A guardian's account has the role."""
        guardian = self._residents.find(call.community, id)
        if guardian is not None:
            self._accounts.add_role(call, guardian, GUARDIAN)

    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self._sweeper.sweep(call.at)

    def _resident_roles(self, call: Call, resident: Resident) -> Any:
        guards = self._residents.all(resident.community, {"guardians": resident.id}, limit=1)
        return [RESIDENT, GUARDIAN] if guards else [RESIDENT]

    def _leave(self, call: Call, resident: Resident) -> None:
        for account_id in [resident.account_id, *resident.former_accounts]:
            self._accounts.unlink(call, account_id, call.community, resident.id)

    def _with_account(self, facts: dict[str, Any]) -> dict[str, Any]:
        if facts.get("phone"):
            facts["phone"] = e164(facts["phone"])
            facts["account_id"] = self._accounts.id_of(facts["phone"])
        for n, contact in enumerate(facts.get("contacts", [])):
            contact["phone"] = e164(contact["phone"], f"contacts.{n}.phone")
        return facts


def normalised(name: str) -> str:
    """A name as the index knows it. Raises Invalid for a single character."""
    from shared.privacy import normalise

    plain = normalise(name)
    if len(plain) < 2:
        raise Invalid("name_too_short", "at least two characters", "name")
    return plain


def _each(store: Store[Any], call: Call, where: dict[str, Any]) -> Iterator[Any]:
    """All that match, page after page."""
    after: str | None = ""
    while after is not None:
        page = store.page(call, where, limit=200, after=after)
        yield from page.items
        after = page.next
