"""The people of a community: what an entrypoint needs of several stores at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from services.residents.accounts import domain as accounts_domain
from services.residents.accounts.domain import TEXT
from services.residents.accounts.handlers import Accounts
from services.residents.activations.handlers import Activations
from services.residents.people import domain
from services.residents.people.domain import Community, Household, Resident
from services.residents.records import COMMUNITIES, HOUSEHOLDS, RESIDENTS, WORKERS, normalised, with_plain_phones
from services.residents.staff import domain as staff_domain
from services.residents.staff.handlers import Staff
from shared.calls import Call, derived_id, to_milliseconds
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import INSTALLATION, OPERATOR, STAFF
from shared.runtime.internal import ask
from shared.runtime.platform import Platform
from shared.security.privacy import e164
from shared.settings import read
from shared.storage.cursors import each
from shared.storage.store import Page


class People:
    """Residents, workers, households and communities, with the accounts behind them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._accounts, self._activations, self._staff = Accounts(platform), Activations(platform), Staff(platform)
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
        call = Call(
            community=INSTALLATION, at=to_milliseconds(self._platform.clock.now()), actor="bootstrap", cause="bootstrap"
        )
        facts = {"name": "operator", "phone": e164(phone), "roles": [OPERATOR]}
        worker = self._workers.create(call, staff_domain.found_office, facts, call.at)
        token = self._accounts.keys.of_address(TEXT, worker.phone)
        channel = accounts_domain.new_channel(derived_id(worker.id, "channel"), TEXT, token, call.at, bootstrap=True)
        if accounts_domain.is_former(worker.account_id):
            worker = self._accounts.records.bind(call, worker, "")
        id = derived_id(worker.id, "account")
        account = self._accounts.create(call, id, call.at, channel, worker.phone)
        if account is None or account.gone:
            return  # somebody has shown that this phone is theirs: then it signs in with a code, as anybody does
        if not account.password:
            hashed = self._accounts.keys.hash(password)
            self._accounts.store.change(call.plain(), id, accounts_domain.first_password, hashed, call.at)
        if INSTALLATION not in account.memberships:
            self._accounts.enter(call.plain(), id, worker)
            self._staff.follow(call.plain(), worker.id)

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
        """Whoever opened it is its operator; safe to repeat."""
        community = self._communities.find(INSTALLATION, slug)
        if community is not None:
            self._staff.own_operator(call, slug, community.opener)

    def visible_communities(self, call: Call) -> Page:
        """A page of the communities that the caller's token opens (P18); of all of them for the installation's operator."""
        return self._communities.page(call, self._visible(call), **call.query)

    def tree(self, call: Call) -> list[dict[str, Any]]:
        """The same, all of them, as an organisation tree."""
        return domain.tree(list(each(self._communities, call, self._visible(call))))

    def _visible(self, call: Call) -> dict[str, Any]:
        return {} if call.installation else {"_id": {"$in": sorted(call.slugs)}}

    # -- residents

    def register(self, call: Call) -> Resident:
        """A new resident, who is asked in by a code to their contact. Raises Conflict("already_registered") for a known ID
        number."""
        facts = with_plain_phones(dict(call.body))

        def taken() -> Conflict:
            return Conflict("already_registered", "this ID number is registered here")

        resident: Resident = self._residents.create(call, domain.register, facts, call.actor, call.at, taken=taken)
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
        changed: Resident = self._residents.change(call, id, domain.change, with_plain_phones(dict(call.body)), call.at)
        return changed

    def erase(self, call: Call, id: str) -> None:
        """Forget a person, here and, by the event, everywhere."""
        self.read(call, id)
        before = self._residents.get(call, id)
        after: Resident = self._residents.change(call, id, domain.erase, call.at)
        self._accounts.leave(call, before.account_id, call.community, id, forget=True)
        if after.gone and before.household_id:
            self._leave_household(call, before)

    def forget(self, call: Call, id: str) -> None:
        """What `erase` may have left undone; safe to repeat."""
        gone = self._residents.backend.read([(call.community, id)])[0]
        if gone is None:
            return
        self._accounts.leave(call, gone.get("account_id", ""), call.community, id, forget=True)
        self._activations.forget_person(call, id)
        for child in self._residents.all(call.community, {"guardians": id}):
            self._residents.change(call, child.id, domain.unlink_guardian, id, call.at)
        for household in self._households.all(call.community, {"members": id}):
            self._households.change(call, household.id, domain.without_member, id)

    def erase_released(self, call: Call) -> None:
        """Erase restricted records whose last legal hold has run out."""
        for community in each(self._communities, call.plain(INSTALLATION), {}):
            inside = call.plain(community.id)
            for resident in each(self._residents, inside, {"state": domain.RESTRICTED}):
                self._residents.change(inside, resident.id, domain.erase, call.at)

    def export(self, call: Call, id: str) -> dict[str, Any]:
        """All that the installation holds of one person (个人信息保护法 art. 45)."""
        resident = self.read(call, id)
        household = self._households.find(call.community, resident.household_id) if resident.household_id else None
        children = self._residents.all(call.community, {"guardians": id})
        own = {"own": call.actor == id and not call.limited}
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
            "account": self._accounts.summary(call, resident.account_id, resident, call.actor == id),
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

    # -- accounts, from one's own events

    def link_resident(self, call: Call, id: str) -> None:
        """The resident is asked in, or the account knows what the record says now."""
        resident = self._residents.find(call.community, id)
        if resident is not None and resident.state == domain.ACTIVE:
            self._activations.send_after(call, resident)
            self._accounts.follow(call, resident)

    def link_worker(self, call: Call, id: str) -> None:
        """The same for a worker."""
        worker = self._workers.find(call.community, id)
        if worker is not None:
            if worker.roles or worker.proposed:
                self._activations.send_after(call, worker)
            self._staff.follow(call, id)

    def sweep(self, call: Call) -> None:
        """Publish what a crash left behind."""
        self._sweeper.sweep(call.at)
