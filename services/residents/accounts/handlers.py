"""What an account's owner does with it, and what follows from the records of its memberships."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import orjson
from uuid_utils import uuid7

from services.residents.accounts import domain
from services.residents.accounts.domain import Account
from services.residents.keys import Keys, digits
from services.residents.records import Person, Records
from services.residents.tries.domain import BY_ADDRESS, BY_CODE, BY_PASSWORD
from services.residents.tries.handlers import Counter
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Missing, Unauthenticated
from shared.rules.roles import INSTALLATION, OPERATOR
from shared.runtime.platform import Platform
from shared.security.identity import Issuer, RemoteKeys, Verifier
from shared.settings import read
from shared.storage.kinds import Kind
from shared.storage.store import Taken

ACCOUNTS = Kind(Account, "identities", unique=(("credentials",),))


class Accounts:
    """Accounts belong to the installation: one person, many communities."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.keys = Keys(platform.settings.environ)
        self.tries = Counter(platform, self.keys)
        self.records = Records(platform)
        self.store = platform.store(ACCOUNTS)
        self._outside = _external(platform.settings.environ)

    # -- finding

    def of_credential(self, token: str) -> Account | None:
        """Whose confirmed channel, or external identity, this is."""
        # In the order of the index that finds it: one record, or none.
        found = self.store.all(INSTALLATION, {"credentials": token}, limit=1, order="credentials")
        return found[0] if found else None

    def own_of(self, person: Person) -> Account:
        """The account of an active person."""
        found: Account | None = self.store.find(INSTALLATION, person.account_id)
        if found is None:
            raise Missing("account_missing", "this person has no account")
        return found

    def own(self, call: Call) -> Account:
        """The caller's. Raises Missing: a token outlives its account by minutes."""
        found: Account = self.store.get(call.plain(INSTALLATION), call.sub, code="account_missing")
        return found

    def _full(self, call: Call) -> Account:
        """The caller's, for what those may not do whom others let in a short while ago: the owner may come back. Raises
        Forbidden("recovered_lately")."""
        if call.limited:
            raise Forbidden("recovered_lately", "others let you in again: for a week this stays as it is")
        return self.own(call)

    def shown(self, call: Call) -> dict[str, Any]:
        """What its owner sees of it."""
        return self.show(call, self.own(call))

    def show(self, call: Call, account: Account) -> dict[str, Any]:
        """An account, to its owner; to whom others let in, what concerns the communities where they did."""
        shown = show(account, call.at)
        if call.limited:
            new = [one for one in account.channels if one["confirmed_at"] >= min(account.recovered.values(), default=call.at)]
            shown["channels"] = [one for one in shown["channels"] if one["id"] in {channel["id"] for channel in new}]
            shown["memberships"] = [one for one in shown["memberships"] if one["community"] in account.recovered]
            shown["invitations"] = []
        return shown

    # -- what follows from records

    def create(self, call: Call, id: str, *args: Any) -> Account | None:
        """A new account under a derived id, or its own repeat; None where somebody else has its channel by now."""
        inside = call.plain(INSTALLATION)
        try:
            made: Account = self.store.create(inside, domain.opened, *args, id=id)
            return made
        except Taken:
            return self.store.find(INSTALLATION, id)

    def is_active(self, person: Person) -> bool:
        """Whether an account is this person. A record may name one that never entered, or is gone."""
        account = self.store.find(INSTALLATION, person.account_id) if person.account_id else None
        return account is not None and account.memberships.get(person.community, {}).get("id") == person.id

    def enter(self, call: Call, account_id: str, person: Person) -> Account:
        """The account opens the person's community; safe to repeat. Raises Conflict: `already_taken`, `already_a_member`; or
        Missing where the person is gone."""
        if person.account_id != account_id and self.is_active(person):
            raise Conflict("already_taken", "another account is this person")
        # The record first: of two accounts at once, one is told here.
        bound = self.records.bind(call, person, account_id)
        roles, until = self.records.rights(bound)
        args = (person.community, person.id, roles, until, bound.version, call.at)
        entered: Account = self.store.change(call.plain(INSTALLATION), account_id, domain.enter, *args)
        self.settle(call, account_id, person.community, person.id)
        self.note(call, "membership_accepted", account_id)
        return entered

    def settle(self, call: Call, account_id: str, community: str, person_id: str) -> None:
        """The account opens what its record says now, and nothing where that is gone; safe to repeat."""
        if self.records.opened(community, person_id):
            return
        person = self.records.find(community, person_id)
        if person is None or person.account_id != account_id:
            self.leave(call, account_id, community, person_id)
        else:
            self.follow(call, person)

    def follow(self, call: Call, person: Person) -> None:
        """What the account may do is what the record says; safe to repeat."""
        account = self.store.find(INSTALLATION, person.account_id) if person.account_id else None
        if account is None:
            return
        roles, until = self.records.rights(person)
        self._follow(call, account, person.community, person, roles, until)
        if person.community == INSTALLATION:
            # The communities that an operator opened: no record of theirs says so.
            own = [role for role in roles if role == OPERATOR]
            for slug in [slug for slug, one in account.memberships.items() if one["id"] == person.id and slug != INSTALLATION]:
                self._follow(call, account, slug, person, own, until)

    def _follow(
        self, call: Call, account: Account, slug: str, person: Person, roles: list[str], until: datetime | None
    ) -> None:
        args = (slug, person.id, roles, until, person.version, call.at)
        self.store.change(call.plain(INSTALLATION), account.id, domain.follow, *args)

    def leave(self, call: Call, account_id: str, community: str, person_id: str, forget: bool = False) -> None:
        """The account opens the community no more; safe to repeat."""
        account = self.store.find(INSTALLATION, account_id) if account_id else None
        if account is not None and account.knows(person_id):
            args = (community, person_id, call.at, forget)
            self.store.change(call.plain(INSTALLATION), account_id, domain.leave, *args)
            self.note(call, "membership_ended", account_id)

    def summary(self, call: Call, account_id: str, person: Person, own: bool) -> dict[str, Any] | None:
        """What the account holds of a person, for their export: to others than themselves, that there is one."""
        account = self.store.find(INSTALLATION, account_id) if account_id else None
        if account is None or account.memberships.get(person.community, {}).get("id") != person.id:
            return None
        if not own:
            return {"roles": account.memberships[person.community]["roles"]}
        shown = self.show(call, account)
        shown["sessions"] = [{"began": s["began"].isoformat(), "how": s["how"]} for s in account.sessions]
        return {name: _plain(value) for name, value in shown.items()}

    # -- passwords

    def set_password(self, call: Call) -> None:
        """Another password, by the old one or a code not older than five minutes. Every other session ends."""
        account = self._full(call)
        if not account.channels:
            raise Conflict("channel_needed", "add a phone or a mail address first: without one no password could be used")
        self.prove(call, account)
        args = (self.keys.hash(call.body["password"]), call.session, call.at)
        self.store.change(call.plain(INSTALLATION), account.id, domain.set_password, *args)
        self.note(call, "password_set", account.id)

    def prove(self, call: Call, account: Account) -> None:
        """That it is the owner who acts, and not who found a device: the old password, or a fresh code. Raises Forbidden."""
        if old := call.body.get("old_password"):
            self.tries.count(call, "old-password", account.id, BY_PASSWORD)
            if not self.keys.verify(account.password, old):
                self.tries.wrong(call, "old-password")
                self.note(call, "refused", account.id)
                raise Forbidden("old_password_wrong", "that is not the password of before")
            self.tries.start_anew(call, "old-password", account.id)
        elif not domain.is_fresh(account, call.session, call.at):
            raise Forbidden("proof_needed", "give the old password, or sign in with a code first")

    # -- channels

    def add_channel(self, call: Call) -> dict[str, Any]:
        """A code goes to the new address."""
        account = self.own(call)
        self.prove(call, account)
        self.tries.count(call, "adding", account.id, BY_PASSWORD)
        kind, address, token = self.keys.channel(call.body)
        self.tries.count(call, "channel-sent", token, BY_ADDRESS)  # whosever it is
        id, code = str(uuid7()), digits(6)
        adding = {
            "id": id,
            "kind": kind,
            "token": token,
            "hash": self.keys.blind("adding", id, code),
            "sealed": self._platform.vault.lock(code.encode()),
            "expires_at": call.at + domain.CODE_LIVES,
        }
        self.store.change(call.plain(INSTALLATION), account.id, domain.add_channel, adding, address, call.at)
        return {"id": id, "kind": kind, "expires_in": int(domain.CODE_LIVES.total_seconds())}

    def confirm_channel(self, call: Call, id: str) -> dict[str, Any]:
        """The code that was sent there. Raises Conflict("channel_taken") where another account is reached there."""
        account = self.own(call)
        self.tries.count(call, "confirming", account.id, BY_CODE)
        hashed = self.keys.blind("adding", id, call.body["code"])
        try:
            args = (id, hashed, call.at)
            changed = self.store.change(call.plain(INSTALLATION), account.id, domain.confirm_channel, *args)
        except Taken as error:
            raise Conflict("channel_taken", "another account is reached there; its owner gives it up first") from error
        except Unauthenticated:
            self.tries.wrong(call, "confirming")
            self.note(call, "refused", account.id)
            raise
        self.note(call, "channel_confirmed", account.id)
        return self.show(call, changed)

    def drop_channel(self, call: Call, id: str) -> None:
        """It is given up, and told so for some days more."""
        account = self._full(call)
        self.prove(call, account)
        self.store.change(call.plain(INSTALLATION), account.id, domain.drop_channel, id, call.at)
        self.note(call, "channel_dropped", account.id)

    # -- external identities

    def external(self, token: str) -> tuple[str, str]:
        """The blind token of (issuer, subject) of an external provider's token, and the issuer. Raises Unauthenticated."""
        if self._outside is None:
            raise Invalid("oidc_not_configured", "this installation has no external provider", "oidc_token")
        claims = self._outside.claims(token)
        return self.keys.blind("external", str(claims["iss"]), str(claims["sub"])), str(claims["iss"])

    def link_identity(self, call: Call) -> dict[str, Any]:
        """An external identity, of which its owner brought a token."""
        account = self._full(call)
        self.prove(call, account)
        token, issuer = self.external(call.body["oidc_token"])
        try:
            args = (str(uuid7()), token, issuer, call.at)
            changed = self.store.change(call.plain(INSTALLATION), account.id, domain.link_identity, *args)
        except Taken as error:
            raise Conflict("identity_taken", "another account has this identity") from error
        self.note(call, "identity_linked", account.id)
        return self.show(call, changed)

    def unlink_identity(self, call: Call, id: str) -> None:
        """It proves nothing here any more."""
        account = self._full(call)
        self.prove(call, account)
        self.store.change(call.plain(INSTALLATION), account.id, domain.unlink_identity, id)
        self.note(call, "identity_unlinked", account.id)

    # -- invitations

    def accept(self, call: Call, id: str) -> dict[str, Any]:
        """The owner is this person of the community."""
        account = self._full(call)
        invitation = domain.invitation(account, id, call.at)
        person = self.records.get(invitation["community"], invitation["person"])
        tokens = {self.keys.of_address(*contact) for contact in self.records.contacts(person)}
        if not tokens & set(account.credentials):
            raise Conflict("contact_changed", "the record has another contact by now: a new code went there")
        return self.show(call, self.enter(call, call.sub, person))

    def decline(self, call: Call, id: str) -> None:
        """The owner is not."""
        self.store.change(call.plain(INSTALLATION), call.sub, domain.decline, id, call.at)

    # -- recovery

    def ask_recovery(self, call: Call, id: str, decide: Any) -> dict[str, Any]:
        """One of two who work here has seen the person, who lost every channel. Raises Conflict, Forbidden, Missing."""
        person = self.records.get(call.community, id)
        if call.actor == id:
            raise Forbidden("own_recovery", "others recover one's account")
        if not self.is_active(person):
            raise Missing("account_missing", "this person has no account: send a code, or print a slip")
        account = self.own_of(person)
        if account.recovery and account.recovery["asked_by"] not in ("", call.actor):
            self.records.check_apart(call, account.recovery["asked_by"], call.actor)
        args = (call.community, id, call.actor, call.at)
        changed: Account = self.store.change(call.plain(INSTALLATION), person.account_id, decide, *args)
        self.note(call, "recovery", changed.id)
        assert changed.recovery is not None
        return {"effective_at": changed.recovery["effective_at"], "confirmed": bool(changed.recovery["confirmed_by"])}

    def object(self, call: Call) -> None:
        """The owner is there, and wants none of it."""
        self._full(call)
        self.store.change(call.plain(INSTALLATION), call.sub, domain.object_to_recovery, call.at)
        self.note(call, "recovery_refused", call.sub)

    # -- what waits to be sent

    def make_code(self, call: Call, event: Any) -> None:
        """A sign-in code, where what was asked for is somebody's channel; nothing otherwise."""
        asked = self.tries.asked(event.attempt_id)
        account = self.of_credential(asked.credential) if asked else None
        channel = account.channel_of(asked.credential) if asked and account else None
        if account is None or channel is None or channel["bootstrap"]:
            return
        code = digits(6)
        hashed, sealed = self.keys.blind("code", channel["token"], code), self._platform.vault.lock(code.encode())
        args = (derived_id(call.caused_by, "code"), hashed, sealed, channel["id"], call.at)
        inside = call.plain(INSTALLATION)
        inside.caused_by = call.caused_by
        self.store.change(inside, account.id, domain.expect_code, *args)
        self.note(call, "code_made", account.id)

    def to_send(self, account: Account, message: str, at: datetime) -> dict[str, str]:
        """A code, or the address that is to be told something. Raises Missing when it is sent, spent or over."""
        for waiting in (*account.codes, account.adding):
            if waiting and waiting["id"] == message and waiting["sealed"] is not None and waiting["expires_at"] > at:
                address = account.addresses[waiting.get("channel", waiting["id"])]
                return message_to(address, account.language, code=self._platform.vault.unlock(waiting["sealed"]).decode())
        if message in (channel["id"] for channel in (*account.channels, *account.former)):
            recovery, until = account.recovery, ""
            if recovery and recovery["effective_at"]:
                until = self.records.wall_clock(recovery["community"], recovery["effective_at"])
            return message_to(account.addresses[message], account.language, until=until)
        raise Missing("message_missing", "nothing of this id waits")

    # -- the chain

    def note(self, call: Call, act: str, account_id: str) -> None:
        """An act on an account goes to the chain of the installation: which, when and from where are encrypted."""
        facts = {"account": account_id, "at": call.at.isoformat(), "address": call.client, "by": call.actor}
        sealed = base64.b64encode(self._platform.vault.lock(orjson.dumps(facts))).decode()
        day = call.at.replace(hour=0, minute=0, second=0, microsecond=0)
        self._platform.audit.record(Call(community=INSTALLATION, at=day), f"account:{act}", purpose=sealed)


def message_to(address: str, language: str, code: str = "", community: str = "", until: str = "") -> dict[str, str]:
    """All that whoever sends a message about an account is told."""
    return {"address": address, "language": language, "code": code, "community": community, "until": until}


def show(account: Account, at: datetime) -> dict[str, Any]:
    """An account, to its owner."""
    recovery = account.recovery if account.recovery and account.recovery["until"] > at else None
    return {
        "id": account.id,
        "language": account.language,
        "has_password": bool(account.password),
        "channels": [
            {"id": c["id"], "kind": c["kind"], "address": account.addresses[c["id"]], "confirmed_at": c["confirmed_at"]}
            for c in account.channels
        ],
        "identities": [{name: one[name] for name in ("id", "issuer", "confirmed_at")} for one in account.external],
        "memberships": [{"community": slug, **m} for slug, m in sorted(account.memberships.items())],
        "invitations": [
            {name: one[name] for name in ("id", "community", "until")} for one in account.invitations if one["until"] > at
        ],
        "recovery": {"effective_at": recovery["effective_at"], "until": recovery["until"]} if recovery else None,
    }


def _plain(value: Any) -> Any:
    """As JSON has it: times as text."""
    return orjson.loads(orjson.dumps(value))


def _external(environ: Any) -> Verifier | None:
    name = read(environ, "LINLI_OIDC_ISSUER", "")
    if not name:
        return None
    keys = RemoteKeys(read(environ, "LINLI_OIDC_JWKS_URL", ""), name)
    return Verifier([Issuer(name, read(environ, "LINLI_OIDC_AUDIENCE", "linli"), keys)])
