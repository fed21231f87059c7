"""Certificates between our own containers: who is believed by whom, and for how long."""

from __future__ import annotations

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from ops import certificates
from shared.broker import topology

NAMES = ("rabbitmq", "mongo")


def shaken(folder: Path, shown: str, asked: str, authority: Path | None = None) -> str:
    """What comes of a handshake with who shows this certificate, by a client that asks for that host: "" or the error."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=authority or folder / "ca.crt")
    server.load_cert_chain(folder / f"{shown}.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(back, there, server_hostname=asked)
    other = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for end in (one, other):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


def test_each_host_is_believed_for_its_own_name_alone(tmp_path: Path) -> None:
    certificates.ensure(tmp_path / "ours", NAMES)
    certificates.ensure(tmp_path / "theirs", NAMES)
    ours = tmp_path / "ours"
    assert shaken(ours, "rabbitmq", "rabbitmq") == ""
    assert "Hostname mismatch" in shaken(ours, "rabbitmq", "mongo")
    assert shaken(ours, "rabbitmq", "rabbitmq", tmp_path / "theirs" / "ca.crt")
    for file in ours.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_what_lives_long_enough_stays_and_what_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates.ensure(tmp_path, NAMES)
    first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    certificates.ensure(tmp_path, NAMES)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == first
    (tmp_path / "mongo.crt").unlink()
    certificates.ensure(tmp_path, NAMES)
    changed = {file.name for file in tmp_path.iterdir() if file.read_bytes() != first[file.name]}
    assert changed == {"mongo.crt", "mongo.key", "mongo.pem"}
    monkeypatch.setattr(certificates, "RENEWED", certificates.LIVES - timedelta(hours=1) + timedelta(days=1))
    certificates.ensure(tmp_path, NAMES)
    assert all(file.read_bytes() != first[file.name] for file in tmp_path.iterdir())
    assert shaken(tmp_path, "mongo", "mongo") == "", "the new authority signed all of it"


def test_a_broker_with_tls_is_asked_for_the_certificate_of_its_host() -> None:
    plain = topology.connection("amqp://bookings:x@rabbitmq//")
    assert not plain.ssl
    told = topology.connection("amqps://bookings:x@rabbitmq//?ca=/run/tls/ca.crt", connect_timeout=3)
    assert told.ssl == {"server_hostname": "rabbitmq", "cert_reqs": ssl.CERT_REQUIRED, "ca_certs": "/run/tls/ca.crt"}
    assert (told.hostname, told.userid, told.virtual_host, told.connect_timeout) == ("rabbitmq", "bookings", "/", 3)
    assert topology.connection("amqps://a:b@broker.example:5671//").ssl == {
        "server_hostname": "broker.example",
        "cert_reqs": ssl.CERT_REQUIRED,
    }
