"""Signing in: passwords, one-time codes, sessions; and which account opens which community."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from eventlet import tpool
from joserfc.jwk import KeySet
from uuid_utils import uuid7

from services.residents import domain
from shared.calls import INSTALLATION, Call
from shared.errors import Conflict, Invalid, Missing, Unauthenticated
from shared.identity import Issuer, Signer
from shared.platform import Platform
from shared.privacy import e164
from shared.settings import read
from shared.store import Kind

ACCESS_LIVES = 1800  # seconds

ACCOUNTS = Kind(domain.Account, "accounts")
ATTEMPTS = Kind(domain.Attempts, "attempts", indexes=(("due",),))

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's first recommendation
_NOBODY = _hasher.hash(secrets.token_hex(16))


class Accounts:
    """All that signs people in. Accounts belong to the installation: one phone, one account, many communities."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._platform = platform
        self._key = read(settings.environ, "LINLI_INSTALLATION_KEY").encode()
        self._signer = Signer(json.loads(read(settings.environ, "LINLI_SIGNING_KEY")))
        self._accounts = platform.store(ACCOUNTS)
        self._attempts = platform.store(ATTEMPTS)
        own = KeySet.import_key_set({"keys": [self._signer.public()]})
        platform.verifier.trust(Issuer(settings.issuer, settings.audience, lambda: own))

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify our tokens."""
        return {"keys": [self._signer.public()]}

    def id_of(self, phone: str) -> str:
        """The account id of a phone number: a keyed hash of its E.164 form. Raises Invalid."""
        return hmac.new(self._key, e164(phone).encode(), hashlib.sha256).hexdigest()

    # -- who belongs

    def link(self, call: Call, person: Any, roles: list[str], until: datetime | None = None) -> None:
        """Let this person's account open the community; safe to repeat."""
        if not person.account_id:
            return
        inside = call.plain(INSTALLATION)
        new = lambda id: domain.Account(sub=str(uuid7()), phone=person.phone, community=INSTALLATION)  # noqa: E731
        self._accounts.ensure(
            inside,
            person.account_id,
            new,
            domain.join,
            person.community,
            person.id,
            roles,
            until,
            person.language,
            person.email,
        )

    def unlink(self, call: Call, account_id: str, community: str, person: str) -> None:
        """This person's account no longer opens the community; safe to repeat."""
        if account_id and self._accounts.find(INSTALLATION, account_id):
            self._accounts.change(call.plain(INSTALLATION), account_id, domain.leave, community, person)

    def add_role(self, call: Call, guardian: domain.Resident, role: str) -> None:
        """One more role in the community; safe to repeat."""
        if guardian.account_id and self._accounts.find(INSTALLATION, guardian.account_id):
            self._accounts.change(
                call.plain(INSTALLATION), guardian.account_id, domain.add_role, guardian.community, guardian.id, role
            )

    def summary(self, account_id: str, community: str) -> dict[str, Any] | None:
        """What the account holds of a person, for their export."""
        account = self._accounts.find(INSTALLATION, account_id) if account_id else None
        if account is None or community not in account.memberships:
            return None
        return {
            "phone": account.phone, "email": account.email, "language": account.language,
            "has_password": bool(account.password), "roles": account.memberships[community]["roles"],
            "sessions": [session["expires_at"].isoformat() for session in account.sessions],
        }  # fmt: skip

    # -- signing in

    def ask_code(self, call: Call) -> dict[str, int]:
        """Have a code sent. The reply, and the limits, are the same whether the phone has an account or not."""
        id = self.id_of(call.body["phone"])
        self._count(call, id, domain.ask_code, call.at)
        account = self._accounts.find(INSTALLATION, id)
        if account is not None:
            code = f"{secrets.randbelow(10**6):06d}"
            sealed = self._platform.vault.lock(code.encode())
            self._accounts.change(call, id, domain.expect_code, str(uuid7()), self._code_hash(id, code), sealed, call.at)
        return {"expires_in": int(domain.CODE_LIVES.total_seconds())}

    def sign_in(self, call: Call) -> dict[str, Any]:
        """A token for a phone and a password or code. Raises Unauthenticated, or Limited while locked."""
        if ("password" in call.body) == ("code" in call.body):
            raise Invalid("credentials_incomplete", "send either password or code", "password")
        id = self.id_of(call.body["phone"])
        self._count(call, id, domain.check_lock, call.at)
        secret, session = self._new_session(call)
        try:
            account = self._check(call, id, session)
        except Unauthenticated:
            self._count(call, id, domain.fail, call.at)
            raise
        self._count(call, id, domain.succeed)
        return self._tokens(call, account, secret)

    def _check(self, call: Call, id: str, session: dict[str, Any]) -> domain.Account:
        account = self._accounts.find(INSTALLATION, id)
        if "code" in call.body:
            if account is None:
                raise Unauthenticated("credentials_wrong", "phone, password or code is wrong")
            hashed = self._code_hash(id, call.body["code"])
            self._accounts.change(call, id, domain.count_try, hashed)
            return self._accounts.change(call, id, domain.use_code, hashed, session, call.at)
        # A phone without account costs the same time, so that nobody can tell.
        hashed = account.password if account and account.password else _NOBODY
        right = tpool.execute(_verify, hashed, call.body["password"])
        if account is None or not account.password or not right:
            raise Unauthenticated("credentials_wrong", "phone, password or code is wrong")
        return self._accounts.change(call, id, domain.start_session, session, call.at)

    def refresh(self, call: Call) -> dict[str, Any]:
        """A new token for a refresh token, which is spent by it."""
        id, _, old = call.body["refresh_token"].partition(".")
        secret, session = self._new_session(call)
        try:
            account = self._accounts.change(call, id, domain.renew_session, _hash(old), session, call.at)
        except Missing as error:
            raise Unauthenticated("refresh_invalid", "sign in again") from error
        return self._tokens(call, account, secret)

    def set_password(self, call: Call, person: Any) -> None:
        """Another password for this person's account. Raises Conflict where another person here owns the phone."""
        account = self._accounts.find(INSTALLATION, person.account_id) if person.account_id else None
        if account is None or account.memberships.get(call.community, {}).get("id") != person.id:
            raise Conflict("account_missing", "this person has no account of their own")
        hashed = tpool.execute(_hasher.hash, call.body["password"])
        self._accounts.change(call.plain(INSTALLATION), account.id, domain.set_password, hashed)

    def set_first_password(self, call: Call, person: Any) -> None:
        """A password where there is none yet."""
        if not self._accounts.get(call, person.account_id).password:
            self.set_password(call, person)

    def code_to_send(self, call: Call) -> dict[str, str]:
        """The code that waits, once, for the service that sends it. Raises Missing when it is sent, spent or too old."""
        account = self._accounts.get(call, call.body["account_id"])
        code = account.code
        if not code or code["id"] != call.body["code_id"] or code["sealed"] is None or code["expires_at"] <= call.at:
            raise Missing("code_missing", "no such code waits")
        plain = self._platform.vault.unlock(code["sealed"]).decode()
        return {"code": plain, "email": account.email, "language": account.language}

    def code_sent(self, call: Call) -> None:
        """Forget the plain code: it has left."""
        self._accounts.change(call, call.body["account_id"], domain.code_was_sent, call.body["code_id"])

    def forget_attempts(self, call: Call) -> None:
        """What was tried a day ago counts no more. Anybody may try any phone: it must not stay."""
        self._attempts.backend.forget(INSTALLATION, call.at)

    # -- inside

    def _count(self, call: Call, id: str, decide: Any, *args: Any) -> None:
        """Note what was tried with a phone."""
        new = lambda _: domain.Attempts(due=call.at + domain.REMEMBER_ATTEMPTS)  # noqa: E731
        try:
            self._attempts.ensure(call, id, new, decide, *args)
        except Missing:  # it was being forgotten in this very moment
            self._attempts.ensure(call, id, new, decide, *args)

    def _tokens(self, call: Call, account: domain.Account, secret: str) -> dict[str, Any]:
        memberships = domain.memberships_of(account, _hash(secret), call.at)
        now = int(datetime.now().timestamp())
        settings = self._platform.settings
        claims = {"iss": settings.issuer, "aud": settings.audience, "sub": account.sub, "iat": now}
        claims |= {"exp": now + ACCESS_LIVES, "communities": memberships}
        return {
            "access_token": self._signer.sign(claims), "token_type": "Bearer", "expires_in": ACCESS_LIVES,
            "refresh_token": f"{account.id}.{secret}",
        }  # fmt: skip

    def _new_session(self, call: Call) -> tuple[str, dict[str, Any]]:
        secret = secrets.token_urlsafe(32)
        community = call.body.get("community", "")
        return secret, {"hash": _hash(secret), "expires_at": call.at + domain.REFRESH_LIVES, "community": community}

    def _code_hash(self, account_id: str, code: str) -> str:
        return hmac.new(self._key, f"code/{account_id}/{code}".encode(), hashlib.sha256).hexdigest()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except VerificationError:
        return False
