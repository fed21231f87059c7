"""Signing in, tokens, and signing out."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import KeySet
from uuid_utils import uuid7

from services.residents.accounts import domain as accounts_domain
from services.residents.accounts.domain import Account
from services.residents.accounts.handlers import Accounts
from services.residents.sessions import domain
from services.residents.tries.domain import BY_CODE, BY_PASSWORD, CODES_OF_ALL
from shared.calls import Call
from shared.entrypoints.api import Cookie
from shared.rules.errors import Conflict, Invalid, Missing, Unauthenticated
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.security.identity import Issuer, Signer
from shared.security.revocations import ACCESS_TOKEN_SECONDS
from shared.settings import read
from shared.storage.store import Page

SESSION, DEVICE = "linli_session", "linli_device"  # cookies
KNOWN_FOR = timedelta(days=365)  # a device that signed in
WRONG = Unauthenticated("credentials_wrong", "phone, password or code is wrong")


class Sessions:
    """Begins, renews and ends sessions, and writes their tokens."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._settings, self._accounts = settings, Accounts(platform)
        self._keys, self._tries = self._accounts.keys, self._accounts.tries
        self._signer = Signer(json.loads(read(settings.environ, "LINLI_SIGNING_KEY")))
        own = KeySet.import_key_set({"keys": [self._signer.public()]})
        platform.verifier.trust(Issuer(settings.issuer, settings.audience, lambda: own))

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify our tokens."""
        return {"keys": [self._signer.public()]}

    # -- coming in

    def ask_code(self, call: Call) -> dict[str, int]:
        """Have a code sent. The reply, the limits and the write are the same whether there is an account or not."""
        kind, _, credential = self._keys.channel(call.body)
        self._tries.ask_code(call, credential, kind, self._of(call, credential, self._accounts.of_credential(credential)))
        return {"expires_in": int(accounts_domain.CODE_LIVES.total_seconds())}

    def sign_in(self, call: Call) -> dict[str, Any]:
        """Tokens for a phone or mail address and a password or code, or for an external provider's token."""
        given = [name for name in ("password", "code", "oidc_token") if name in call.body]
        if len(given) != 1:
            raise Invalid("credentials_incomplete", "send exactly one of password, code, slip, oidc_token", "password")
        ways = {"password": self._by_password, "code": self._by_code, "oidc_token": self._by_identity}
        return ways[given[0]](call)

    def _by_password(self, call: Call) -> dict[str, Any]:
        _, _, credential = self._keys.channel(call.body)
        account = self._accounts.of_credential(credential)
        of = self._of(call, credential, account, anywhere=True)
        if of == credential:
            self._tries.count_address(call, "password")
        self._tries.count(call, "password", of, BY_PASSWORD)
        if not self._keys.verify(account.password if account else "", call.body["password"]) or account is None:
            raise self._refused(call, "password", account)
        self._tries.right(call, "password", of)
        return self.begin(call, account.id, "password", account.password_at, call.body.get("device_token", ""))

    def _of(self, call: Call, credential: str, account: Account | None, anywhere: bool = False) -> str:
        """By what tries are counted: a device that its owner has signed in on by itself, whatever others try elsewhere; all
        others by what they try, and from where."""
        known, device = self._keys.read_device_token(call.body.get("device_token", ""))
        if account is not None and known == account.id:
            return f"device/{device}"
        return credential if anywhere else self._tries.here(call, credential)

    def _by_code(self, call: Call) -> dict[str, Any]:
        _, _, credential = self._keys.channel(call.body)
        account = self._accounts.of_credential(credential)
        of = self._of(call, credential, account)
        self._tries.count(call, "code", of, BY_CODE)
        if not of.startswith("device/"):  # behind the count of its own: one address must not use up what all have together
            self._tries.count_address(call, "code")
            self._tries.count(call, "codes-of-all", credential, CODES_OF_ALL)
        hashed = self._keys.blind("code", credential, call.body["code"])
        try:
            if account is None:
                raise WRONG
            accounts_domain.use_code(account, hashed, call.at)
        except Unauthenticated as error:
            raise self._refused(call, "code", account) from error
        channel = account.channel_of(credential)
        since = channel["confirmed_at"] if channel else None
        begun = self.begin(call, account.id, "code", since, call.body.get("device_token", ""), code=hashed)
        self._tries.right(call, "code", of)
        self._tries.start_anew(call, "codes-of-all", credential)
        return begun

    def _by_identity(self, call: Call) -> dict[str, Any]:
        self._tries.count_address(call, "identity")
        token, _ = self._accounts.external(call.body["oidc_token"])
        account = self._accounts.of_credential(token)
        if account is None:
            self._tries.wrong(call, "identity")
            raise Unauthenticated("identity_unknown", "no account has this identity; sign in otherwise, and link it")
        self._tries.right(call, "identity", token)
        since = next(one["confirmed_at"] for one in account.external if one["token"] == token)
        return self.begin(call, account.id, "identity", since, call.body.get("device_token", ""))

    def _refused(self, call: Call, way: str, account: Account | None) -> Unauthenticated:
        self._tries.wrong(call, way)
        self._accounts.note(call, "refused", account.id if account else "")
        return Unauthenticated(WRONG.code, WRONG.detail)

    def begin(
        self,
        call: Call,
        account_id: str,
        how: str,
        proved_since: datetime | None,
        device_token: str,
        code: str = "",
        check: Callable[[Account], None] = lambda account: None,
    ) -> dict[str, Any]:
        """A session; `proved_since`: since when what was shown is proof (None: the slip itself); `check` is asked within the
        write. Raises Forbidden, Invalid, and what it raises."""
        id, community = str(uuid7()), call.body.get("community", "")
        known, device = self._keys.read_device_token(device_token)

        def decide(account: Account) -> Any:
            if code:
                account = accounts_domain.use_code(account, code, call.at)
            check(account)
            if how == "slip":
                account = accounts_domain.use_recovery(account, call.at)
            return domain.begin(account, id, how, community, call.agent, proved_since, call.at)

        account = self._accounts.store.change(call.plain(INSTALLATION), account_id, decide)
        self._accounts.note(call, f"signed_in:{how}", account_id)
        token = self._keys.device_token(account_id, device if known == account_id else str(uuid7()))
        return self._tokens(call, account, id) | {"device_token": token}

    # -- going on

    def refresh(self, call: Call, token: str) -> dict[str, Any]:
        """A new token for a refresh token. Raises Unauthenticated("refresh_invalid")."""
        account_id, session, n = self._keys.read_refresh_token(token)
        args = (session, n, call.body.get("community", ""), call.at)
        try:
            account: Account = self._accounts.store.change(call.plain(INSTALLATION), account_id, domain.renew, *args)
        except Missing as error:
            raise Unauthenticated("refresh_invalid", "sign in again") from error
        found = domain.find(account, session)
        if found is None or found["expires_at"] <= call.at:
            raise Unauthenticated("refresh_invalid", "this session is over: sign in again")
        return self._tokens(call, account, session) | {"device_token": ""}

    def _tokens(self, call: Call, account: Account, session_id: str) -> dict[str, Any]:
        session = domain.find(account, session_id)
        if session is None:
            raise Conflict("session_over", "this session was ended in this very moment")
        names = domain.named(account, session, call.at)
        lives = domain.lives_until(account, names, call.at + timedelta(seconds=ACCESS_TOKEN_SECONDS)) - call.at
        now, seconds = int(datetime.now().timestamp()), max(1, int(lives.total_seconds()))
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": account.id,
            "iat": now,
            "exp": now + seconds,
            "sid": session_id,
            "gen": account.generation,
            "communities": names,
        }
        claims |= {"limited": True} if domain.is_limited(session, call.at) else {}
        return {
            "access_token": self._signer.sign(claims),
            "token_type": "Bearer",
            "expires_in": seconds,
            "refresh_token": self._keys.refresh_token(account.id, session_id, session["n"]),
        }

    # -- in a browser

    def for_browser(self, call: Call, sign_in: Any) -> Cookie:
        """In by what the body holds, or on by the cookie; the refresh token goes into the cookie alone."""
        body = call.body
        if body.get("refresh_token"):
            shown = self.refresh(call, body["refresh_token"])
        elif body.keys() - {"community"}:
            body["device_token"] = call.cookies.get(DEVICE, "")
            shown = sign_in(call)
        elif call.cookies.get(SESSION):
            shown = self.refresh(call, call.cookies[SESSION])
        else:
            raise Unauthenticated("session_missing", "sign in")
        keep = {SESSION: (shown.pop("refresh_token"), domain.REFRESH_LIVES)}
        device = shown.pop("device_token")
        return Cookie(shown, keep | ({DEVICE: (device, KNOWN_FOR)} if device else {}))

    def leave_browser(self, call: Call) -> Cookie:
        """Signed out: the session is over, and the cookie gone."""
        with suppress(Unauthenticated, Missing):  # there is none any more: that was asked for
            account_id, session, _ = self._keys.read_refresh_token(call.cookies.get(SESSION, ""))
            self._end(call, account_id, domain.end, [session])
        return Cookie(None, {SESSION: ("", timedelta())})

    # -- going

    def page(self, call: Call) -> Page:
        """The caller's sessions, newest first."""
        account = self._accounts.own(call)
        living = sorted((s for s in account.sessions if s["expires_at"] > call.at), key=lambda s: s["began"], reverse=True)

        def more(s: dict[str, Any]) -> dict[str, Any]:
            return {"device": account.devices.get(s["id"], ""), "current": s["id"] == call.session}

        return Page([session | more(session) for session in living], None)

    def end(self, call: Call, id: str) -> None:
        """One of the caller's is over. Raises Missing."""
        self._end(call, call.sub, domain.end_one, id)

    def end_all(self, call: Call) -> None:
        """All of them are, this one too."""
        self._end(call, call.sub, domain.end, [session["id"] for session in self._accounts.own(call).sessions])

    def _end(self, call: Call, account_id: str, decide: Any, what: Any) -> None:
        self._accounts.store.change(call.plain(INSTALLATION), account_id, decide, what, call.at)
        self._accounts.note(call, "signed_out", account_id)
