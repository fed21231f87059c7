"""The secrets of an installation under a passphrase: a JWE (RFC 7516) with a key made of it by PBKDF2 (RFC 7518, 4.8)."""

from __future__ import annotations

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from ops.settings import Problem

ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]
ROUNDS = 290_000  # of PBKDF2 with SHA-512: each guess takes a twelfth of a second; the library allows few more
SHORTEST = 16  # letters of a passphrase


def seal(secrets: bytes, passphrase: str) -> bytes:
    """The file's content. Raises Problem where a passphrase can be guessed."""
    if len(passphrase) < SHORTEST:
        raise Problem(f"a passphrase of {SHORTEST} letters or more: whoever has the backup may guess for years")
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], "p2c": ROUNDS}
    return jwe.encrypt_compact(header, secrets, OctKey.import_key(passphrase), algorithms=ALGORITHMS).encode()


def opened(sealed: bytes, passphrase: str) -> bytes:
    """What was sealed. Raises Problem where the passphrase is another, or the file damaged."""
    try:
        found = jwe.decrypt_compact(sealed, OctKey.import_key(passphrase), algorithms=ALGORITHMS).plaintext
    except (JoseError, ValueError) as error:
        raise Problem("that is not the passphrase of this backup") from error
    return bytes(found or b"")
