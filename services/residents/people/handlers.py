"""Registers, shows, corrects and forgets residents, with the accounts and households behind them."""

from __future__ import annotations

from typing import Any

from services.residents.accounts.handlers import Accounts
from services.residents.activations.handlers import Activations
from services.residents.households.handlers import Households
from services.residents.people import domain
from services.residents.people.domain import Resident
from services.residents.records import COMMUNITIES, HOUSEHOLDS, RESIDENTS, WORKERS, normalised, with_plain_phones
from shared.calls import Call
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing
from shared.rules.roles import INSTALLATION, STAFF
from shared.runtime.internal import ask
from shared.runtime.platform import Platform
from shared.security.privacy import e164
from shared.storage.cursors import each
from shared.storage.store import Page


class People:
    """Residents' records."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._accounts, self._activations = Accounts(platform), Activations(platform)
        self._communities, self._household_store = platform.store(COMMUNITIES), platform.store(HOUSEHOLDS)
        self._residents, self._workers = platform.store(RESIDENTS), platform.store(WORKERS)
        self._households = Households(platform)

    def register(self, call: Call) -> Resident:
        """A new resident, who is asked in by a code to their contact. Raises Conflict("already_registered") for a known ID
        number."""
        facts = with_plain_phones(dict(call.body))

        def refusal() -> Conflict:
            return Conflict("already_registered", "this ID number is registered here")

        resident: Resident = self._residents.create(call, domain.register, facts, call.actor, call.at, refusal=refusal)
        return resident

    def link(self, call: Call, id: str) -> None:
        """The resident is asked in, or the account knows what the record says now."""
        resident = self._residents.find(call.community, id)
        if resident is not None and resident.state == domain.ACTIVE:
            self._activations.send_after(call, resident)
            self._accounts.follow(call, resident)

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
        if after.tombstone and before.household_id:
            self._households.leave(call, before)

    def forget(self, call: Call, id: str) -> None:
        """What `erase` may have left undone; safe to repeat."""
        gone = self._residents.backend.read([(call.community, id)])[0]
        if gone is None:
            return
        self._accounts.leave(call, gone.get("account_id", ""), call.community, id, forget=True)
        self._activations.forget_person(call, id)
        for child in self._residents.all(call.community, {"guardians": id}):
            self._residents.change(call, child.id, domain.unlink_guardian, id, call.at)
        self._households.forget(call, id)

    def erase_released(self, call: Call) -> None:
        """Erase restricted records whose last legal hold has run out."""
        for community in each(self._communities, call.plain(INSTALLATION), {}):
            inside = call.plain(community.id)
            for resident in each(self._residents, inside, {"state": domain.RESTRICTED}):
                self._residents.change(inside, resident.id, domain.erase, call.at)

    def export(self, call: Call, id: str) -> dict[str, Any]:
        """All that the installation holds of one person (个人信息保护法 art. 45)."""
        resident = self.read(call, id)
        household = self._household_store.find(call.community, resident.household_id) if resident.household_id else None
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
