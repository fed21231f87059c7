"""Sends activation codes, takes them, and prints slips."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.residents.accounts import domain as accounts_domain
from services.residents.accounts.domain import MAIL, TEXT, Account
from services.residents.accounts.handlers import Accounts, message_to
from services.residents.activations import domain
from services.residents.activations.domain import Activation, Slip
from services.residents.keys import digits, plain_slip_code, slip_code
from services.residents.records import Person
from services.residents.sessions.handlers import Sessions
from services.residents.staff.domain import Worker
from services.residents.tries.domain import ACTIVATIONS_OF_ALL, BY_ACTIVATION, BY_ADDRESS
from shared.calls import Call, derived_id
from shared.rules.errors import Conflict, Forbidden, Invalid, Limited, Missing, Unauthenticated
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.settings import read
from shared.storage.kinds import Kind
from shared.telemetry import log

ACTIVATIONS = Kind(Activation, "activations", indexes=(("credential", "born"), ("person", "born"), ("due",)))
SLIPS = Kind(Slip, "slips", unique=(("code",),), indexes=(("due",),))


class Activations:
    """Activation codes to contacts of records, and slips at the counter: made, sent once, taken once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._accounts, self._sessions = Accounts(platform), Sessions(platform)
        self._activations, self._slips = platform.store(ACTIVATIONS), platform.store(SLIPS)
        self._texts = read(platform.settings.environ, "LINLI_SMS", "") != ""

    # -- sending

    def send_after(self, call: Call, person: Person | None) -> None:
        """What a new or changed contact asks for: a code to it."""
        try:
            self.send(call, person)
        except Limited:
            log("activations").warning("not_sent", why="too many to this address today")

    def send(self, call: Call, person: Person | None) -> None:
        """A code to the contact, unless the person has an account, or one is on its way; safe to repeat. Raises Limited."""
        if person is None or self._contact(person) == ("", "") or self._accounts.is_active(person):
            return
        kind, address = self._contact(person)
        credential = self._accounts.keys.of_address(kind, address)
        if not any(one.credential == credential for one in self._waiting(person.id, call)):
            self._send(call, person, kind, address, derived_id(person.id, credential, call.caused_by or call.at.isoformat()))

    def send_again(self, call: Call, id: str, worker: bool) -> dict[str, str]:
        """Another code, to the contact that the record has now. Raises Conflict, Invalid, Limited."""
        person = self._accounts.records.get(call.community, id)
        if isinstance(person, Worker) is not worker:
            raise Missing("person_missing", "no such person")
        if self._accounts.is_active(person):
            raise Conflict("already_active", "this person has an account already")
        kind, address = self._contact(person, call.body.get("channel", ""))
        if not address:
            raise Invalid("contact_missing", "the record has no such contact", "channel")
        activation = call.new_id("activation")
        self._send(call, person, kind, address, activation)
        return {"id": activation, "channel": kind}

    def _send(self, call: Call, person: Person, kind: str, address: str, id: str) -> None:
        keys, tries = self._accounts.keys, self._accounts.tries
        credential = keys.of_address(kind, address)
        inside = call.plain(INSTALLATION)
        for former in self._waiting(person.id, call):
            if former.id != id:
                self._activations.change(inside, former.id, domain.cancel)
        tries.count(call, "activation-sent", credential, BY_ADDRESS)
        tries.start_anew(call, "activations-of-all", credential)
        code = digits(8)
        facts = {
            "slug": person.community,
            "person": person.id,
            "kind": kind,
            "credential": credential,
            "address": address,
            "record": domain.WORKER if isinstance(person, Worker) else domain.RESIDENT,
            "language": person.language,
        }
        kept = {
            "id": id,
            "hash": keys.blind("activation", credential, code),
            "sealed": self._platform.vault.lock(code.encode()),
        }
        made, events = domain.send(id, facts, kept, call.at)
        self._activations.create_all([(inside, made.but(id=id), events)])

    def _contact(self, person: Person, channel: str = "") -> tuple[str, str]:
        """The phone where there are text messages, else the mail address."""
        texts = person.phone and (self._texts or not person.email)
        if channel == TEXT or (texts and not channel):
            return (TEXT, person.phone) if person.phone else ("", "")
        return (MAIL, person.email.lower()) if person.email else ("", "")

    def _waiting(self, person: str, call: Call) -> list[Activation]:
        found = self._activations.all(INSTALLATION, {"person": person}, limit=50)
        return [one for one in found if one.state == domain.WAITING and one.expires_at and one.expires_at > call.at]

    # -- entering

    def enter(self, call: Call) -> dict[str, Any]:
        """A code that came to a contact: an account with that channel, or an invitation to the one that has it."""
        accounts = self._accounts
        kind, address, credential = accounts.keys.channel(call.body)
        waiting = self._activations.all(INSTALLATION, {"credential": credential}, limit=20)
        # A new code is a new secret: what was tried with the one before does not count.
        of = accounts.tries.here(call, "/".join([credential, *(one.id for one in waiting[-1:])]))
        accounts.tries.count(call, "activation", of, BY_ACTIVATION)
        accounts.tries.count_address(call, "activation")
        accounts.tries.count(call, "activations-of-all", credential, ACTIVATIONS_OF_ALL)
        hashed = accounts.keys.blind("activation", credential, call.body["code"])
        found = next((one for one in waiting if domain.fits(one, hashed, call.at)), None)
        person = accounts.records.find(found.slug, found.person) if found else None
        if found is None or person is None or not self._is_asked_in(person, kind, address):
            accounts.tries.wrong(call, "activation")
            accounts.note(call, "refused", "")
            raise Unauthenticated("code_wrong", "the code is wrong, or over")
        # Before the code is spent: this may be refused.
        password = accounts.keys.hash(call.body["password"]) if call.body.get("password") else ""
        self._activations.change(call.plain(INSTALLATION), found.id, domain.use, hashed, call.at)
        accounts.tries.right(call, "activation", of)
        accounts.tries.start_anew(call, "activations-of-all", credential)
        account = accounts.of_credential(credential) or self._found(call, found, kind, address, credential)
        shown = {"community": found.slug, "outcome": "activated"}
        if account.id != derived_id(found.id, "account"):
            accounts.store.change(
                call.plain(INSTALLATION), account.id, accounts_domain.invite, found.id, found.slug, found.person, call.at
            )
            return shown | {"outcome": "invited"}
        accounts.enter(call, account.id, person)
        if password:
            accounts.store.change(call.plain(INSTALLATION), account.id, accounts_domain.first_password, password, call.at)
        return shown | self._sessions.begin(call, account.id, "activation", call.at, "")

    def _is_asked_in(self, person: Person, kind: str, address: str) -> bool:
        """Whether nobody is this person yet, and it is reached there still."""
        here = (kind, address.lower()) in {(k, a.lower()) for k, a in self._accounts.records.contacts(person)}
        return here and not self._accounts.is_active(person)

    def _found(self, call: Call, activation: Activation, kind: str, address: str, credential: str) -> Account:
        id = derived_id(activation.id, "account")
        channel = accounts_domain.new_channel(derived_id(id, "channel"), kind, credential, call.at)
        made = self._accounts.create(call, id, call.at, channel, address, activation.language)
        # Somebody else's by now: a channel that was confirmed in this very moment.
        found = made or self._accounts.of_credential(credential)
        if found is None:
            raise Conflict("busy", "try again")
        return found

    # -- slips

    def print_slip(self, call: Call, id: str) -> dict[str, Any]:
        """A code on paper for a resident whom the caller has seen. Raises Conflict for who can get a code otherwise."""
        person = self._accounts.records.get(call.community, id)
        if isinstance(person, Worker):
            raise Missing("resident_missing", "slips are for residents")
        if call.actor == id:
            raise Forbidden("own_slip", "somebody else prints one's slip")
        if self._accounts.is_active(person):
            accounts_domain.may_open_by_slip(self._accounts.own_of(person), call.community, id, call.at)
        code, slip = slip_code(), derived_id(call.community, id, "slip")

        def new(slip: str) -> Slip:
            return Slip(code=slip, slug=call.community, person=id)

        hashed = self._hash(code)
        made: Slip = self._slips.ensure(call.plain(INSTALLATION), slip, new, domain.print_slip, hashed, call.at)
        self._accounts.note(call, "slip_printed", person.account_id)
        return {"code": code, "expires_at": made.expires_at, "name": person.name}

    def sign_in(self, call: Call) -> dict[str, Any]:
        """In with a slip, or with what an account has."""
        others = call.body.keys() & {"password", "code", "oidc_token"}
        if "slip" in call.body and not others:
            return self._by_slip(call)
        return self._sessions.sign_in(call)

    def _by_slip(self, call: Call) -> dict[str, Any]:
        """In with a slip: an account without any channel, or one whose recovery nobody objected to."""
        accounts, hashed = self._accounts, self._hash(call.body["slip"])
        accounts.tries.count_address(call, "slip")
        found = self._slips.all(INSTALLATION, {"code": hashed}, limit=1, order="code")
        try:
            slip = found[0] if found else None
            if slip is None:
                raise Missing("slip_missing", "there is none")
            domain.check_slip(slip, call.at)
            person = accounts.records.get(slip.slug, slip.person)
            active = accounts.is_active(person)
            may_open = partial(self._may_open, slip, call) if active else lambda account: None
            if active:
                may_open(accounts.own_of(person))
            self._slips.change(call.plain(INSTALLATION), slip.id, domain.hand_in, hashed, call.at)
        except (Missing, Unauthenticated) as error:
            accounts.tries.wrong(call, "slip")
            accounts.note(call, "refused", "")
            raise Unauthenticated("credentials_wrong", "this slip is over, or there is none") from error
        accounts.tries.right(call, "slip", slip.id)
        account_id = person.account_id if active else derived_id(slip.slug, slip.person, "account")
        if not active:
            accounts.create(call, account_id, call.at, None, "", person.language)
            accounts.enter(call, account_id, person)
            for waiting in self._waiting(person.id, call):
                self._activations.change(call.plain(INSTALLATION), waiting.id, domain.cancel)
        return self._sessions.begin(
            call, account_id, "slip", None, call.body.get("device_token", ""), check=partial(self._may_open, slip, call)
        )

    def _may_open(self, slip: Slip, call: Call, account: Account) -> None:
        accounts_domain.may_open_by_slip(account, slip.slug, slip.person, call.at)

    def _hash(self, code: str) -> str:
        return self._accounts.keys.blind("slip", plain_slip_code(code))

    # -- for the service that sends, and the clock

    def to_send(self, activation: Activation, call: Call) -> dict[str, str]:
        """The code that waits. Raises Missing when it is sent, spent or over."""
        code = activation.code
        if (
            activation.state != domain.WAITING
            or not code
            or code["sealed"] is None
            or not activation.expires_at
            or (activation.expires_at <= call.at)
        ):
            raise Missing("message_missing", "nothing of this id waits")
        plain = self._platform.vault.unlock(code["sealed"]).decode()
        community = self._accounts.records.community_name(activation.slug)
        return message_to(activation.address, activation.language, code=plain, community=community)

    def message(self, call: Call) -> dict[str, str]:
        """What is to be sent to whom, for the service that sends it. Raises Missing."""
        subject, message = call.body["account_id"], call.body["code_id"]
        if account := self._accounts.store.find(INSTALLATION, subject):
            return self._accounts.to_send(account, message, call.at)
        if activation := self._activations.find(INSTALLATION, subject):
            return self.to_send(activation, call)
        raise Missing("message_missing", "nothing of this id waits")

    def message_sent(self, call: Call) -> None:
        """Forget the plain code: it has left."""
        subject, inside = call.body["account_id"], call.plain(INSTALLATION)
        if self._accounts.store.find(INSTALLATION, subject):
            self._accounts.store.change(inside, subject, accounts_domain.code_was_sent, call.body["code_id"])
        elif self._activations.find(INSTALLATION, subject):
            self._activations.change(inside, subject, domain.was_sent)

    def forget(self, call: Call) -> None:
        """What is over is gone."""
        self._activations.backend.forget(INSTALLATION, call.at)
        self._slips.backend.forget(INSTALLATION, call.at)

    def forget_person(self, call: Call, person: str) -> None:
        """Whoever was erased is asked in no more; safe to repeat."""
        inside = call.plain(INSTALLATION)
        for one in self._activations.all(INSTALLATION, {"person": person}, limit=50):
            self._activations.change(inside, one.id, domain.forget)
        slip = derived_id(call.community, person, "slip")
        if self._slips.find(INSTALLATION, slip):
            self._slips.change(inside, slip, domain.forget_slip)
