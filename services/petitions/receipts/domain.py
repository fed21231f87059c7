"""Anonymous filing: a code on paper is all that binds a petition to whoever filed it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from services.petitions.cases.domain import Decided, Petition
from services.petitions.domain import Actor
from shared.events.petitions import PetitionIdentified
from shared.rules.errors import Conflict, Limited, Missing

PLACE_LETTERS, SECRET_LETTERS = 8, 16  # letters of five bits each: where it lies, and 80 bits that nobody guesses
WRONG_CODES_MOST = 10
LOCKED_FOR = timedelta(minutes=15)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_receipt() -> tuple[str, dict[str, Any], str]:
    """(code, what is kept of it, by what it is found). The code is kept nowhere."""
    place, secret = _word(PLACE_LETTERS), _word(SECRET_LETTERS)
    code = "-".join((place, *(secret[n : n + 4] for n in range(0, SECRET_LETTERS, 4))))
    return code, {"hash": _hash(place, secret), "failures": 0, "locked_until": None}, f"receipt:{place}"


def read_code(code: str) -> tuple[str, str]:
    """(where it lies, the secret) of a code as somebody copied it."""
    plain = "".join(c for c in code.upper() if c.isalnum()).translate(str.maketrans("OIL", "011"))
    return plain[:PLACE_LETTERS], plain[PLACE_LETTERS:]


def check(petition: Petition, code: str, at: datetime) -> Decided:
    """A try to open it: ten that fail lock it for a quarter of an hour, whatever comes then. What was tried is said by
    `receipt["failures"]`: 0 after the right code."""
    receipt, (place, secret) = petition.receipt, read_code(code)
    if receipt["locked_until"] and receipt["locked_until"] > at:
        seconds = int((receipt["locked_until"] - at).total_seconds()) + 1
        raise Limited("receipt_locked", "too many wrong codes; try again later", retry_after=seconds)
    if hmac.compare_digest(receipt["hash"], _hash(place, secret)):
        clean = receipt | {"failures": 0, "locked_until": None}
        return (petition if clean == receipt else petition.but(receipt=clean)), []
    failures = (receipt["failures"] if receipt["locked_until"] is None else 0) + 1
    locked = at + LOCKED_FOR if failures >= WRONG_CODES_MOST else None
    return petition.but(receipt=receipt | {"failures": failures, "locked_until": locked}), []


def identify(petition: Petition, resident_id: str, key: str, actor: Actor, at: datetime) -> Decided:
    """Whoever holds the code says who they are: from now on it is theirs."""
    if petition.petitioners:
        raise Conflict("already_identified", "the petitioner is known")
    changed = petition.but(petitioners=[{"resident_id": resident_id, "representative": False}])
    changed = changed.but(found_by=[*petition.found_by, key]).acted(actor, "identified", at)
    return changed, [PetitionIdentified(petition.id, petition.number, at)]


def unknown() -> Missing:
    """The same for a code of nothing and a wrong secret: numbers cannot be probed."""
    return Missing("receipt_unknown", "no petition has this code")


def _hash(place: str, secret: str) -> str:
    return hashlib.sha256(f"{place}/{secret}".encode()).hexdigest()


def _word(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
