"""What residents derives from the installation's key: blind tokens, hashes of codes, refresh tokens, and password hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from eventlet import tpool

from services.residents.accounts.domain import MAIL, TEXT
from shared.rules.errors import Invalid, Limited, Unauthenticated
from shared.security.privacy import e164
from shared.settings import read

HASHES_WAITING_MOST = 32  # passwords that may wait for one of the two threads that hash: about a second
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's first recommendation
_NOBODY = _hasher.hash(secrets.token_hex(16))
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is read wrong on paper
_READ_AS = str.maketrans("OIL", "011")


class Keys:
    """One instance a process."""

    _waiting = 0

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._key = read(environ, "LINLI_INSTALLATION_KEY").encode()

    def blind(self, *parts: str) -> str:
        """The same text for the same parts, always, to nobody else's knowledge."""
        return hmac.new(self._key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()

    def channel(self, body: Mapping[str, Any]) -> tuple[str, str, str]:
        """Kind, address and blind token of the phone or the mail address in a body. Raises Invalid."""
        if ("phone" in body) == ("mail" in body):
            raise Invalid("channel_one", "send either phone or mail", "phone")
        kind, address = (TEXT, e164(body["phone"])) if "phone" in body else (MAIL, body["mail"].lower())
        return kind, address, self.of_address(kind, address)

    def of_address(self, kind: str, address: str) -> str:
        """The blind token of an address."""
        return self.blind("channel", kind, address.lower())

    # -- refresh tokens, and what a device keeps to be known again

    def refresh_token(self, account: str, session: str, n: int) -> str:
        """The n-th refresh token of a session: computed, kept nowhere."""
        return f"{account}.{session}.{n}.{self._mac('refresh', account, session, str(n))}"

    def read_refresh_token(self, token: str) -> tuple[str, str, int]:
        """Account, session and number of a refresh token that was given here. Raises Unauthenticated."""
        parts = token.split(".")
        if len(parts) == 4 and parts[2].isascii() and parts[2].isdigit():
            account, session, n, mac = parts
            if hmac.compare_digest(mac.encode(), self._mac("refresh", account, session, n).encode()):
                return account, session, int(n)
        raise Unauthenticated("refresh_invalid", "sign in again")

    def device_token(self, account: str, device: str) -> str:
        """By which a device that signed in is known again."""
        return f"{account}.{device}.{self._mac('device', account, device)}"

    def read_device_token(self, token: str) -> tuple[str, str]:
        """Account and device, or ("", "") for anything else."""
        account, _, rest = token.partition(".")
        device, _, mac = rest.partition(".")
        if mac and hmac.compare_digest(mac.encode(), self._mac("device", account, device).encode()):
            return account, device
        return "", ""

    def _mac(self, *parts: str) -> str:
        digest = hmac.new(self._key, "\x1f".join(parts).encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    # -- passwords

    def hash(self, password: str) -> str:
        """Argon2id. Raises Limited while too many wait."""
        return str(self._in_turn(_hasher.hash, password))

    def verify(self, hashed: str, password: str) -> bool:
        """Whether it is the password; as slow where there is none. Raises Limited while too many wait."""
        return bool(self._in_turn(_verify, hashed or _NOBODY, password)) and bool(hashed)

    def _in_turn(self, work: Any, *args: Any) -> Any:
        if Keys._waiting >= HASHES_WAITING_MOST:
            raise Limited("busy", "too many sign in at this moment; try again", retry_after=2)
        Keys._waiting += 1
        try:
            return tpool.execute(work, *args)
        finally:
            Keys._waiting -= 1


def digits(length: int) -> str:
    """A random code that people type."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def slip_code() -> str:
    """80 random bits in four groups, for paper."""
    word = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(word[n : n + 4] for n in range(0, 16, 4))


def plain_slip_code(typed: str) -> str:
    """A slip's code as it is compared: however it was typed."""
    return typed.upper().replace("-", "").replace(" ", "").translate(_READ_AS)


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except VerificationError:
        return False
