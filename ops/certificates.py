"""Certificates between our own containers, of an authority that nobody else trusts: made here, it signs for each name."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIVES = timedelta(days=10 * 365)
RENEWED = timedelta(days=365)  # before its end
AUTHORITY = "ca"


def ensure(folder: Path, names: tuple[str, ...]) -> None:
    """`ca.crt` and `ca.key`; for each host `NAME.crt`, `NAME.key`, and both in `NAME.pem`. What lives long enough stays."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not _good(folder, AUTHORITY):
        _make(folder, AUTHORITY)
        for name in names:
            folder.joinpath(f"{name}.crt").unlink(missing_ok=True)  # another authority's
    for name in names:
        if not _good(folder, name):
            _make(folder, name)


def _good(folder: Path, name: str) -> bool:
    file = folder / f"{name}.crt"
    if not file.exists():
        return False
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - datetime.now(UTC) > RENEWED


def _make(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Linli {name}")])
    now, is_authority = datetime.now(UTC), name == AUTHORITY
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIVES)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        signed = made.add_extension(usage, critical=True).issuer_name(subject).sign(key, SHA256())
    else:
        issuer = x509.load_pem_x509_certificate((folder / f"{AUTHORITY}.crt").read_bytes())
        signer = load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise TypeError("the authority has a key of another kind")
        hosts = x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName("localhost")])
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
        made = made.add_extension(hosts, critical=False).add_extension(uses, critical=False).add_extension(identifier, False)
        signed = made.issuer_name(issuer.subject).sign(signer, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = signed.public_bytes(Encoding.PEM)
    # What is looked for comes last: whoever was interrupted begins again.
    for ending, content in (("key", private), ("pem", public + private), ("crt", public)):
        descriptor = os.open(folder / f"{name}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
