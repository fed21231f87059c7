"""The vault on a real database: fields come back, keys go for good, a database that is away is said to be away."""

from __future__ import annotations

import base64
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bson.binary import Binary
from cryptography.exceptions import InvalidTag
from pymongo import MongoClient
from pymongo.encryption import Algorithm
from pymongo.errors import EncryptionError

from shared.rules.errors import Unavailable
from shared.security.privacy import Vault
from tests.conftest import Database

FIELDS = {"name": "欧阳小满", "phone": "+8613800138000", "people": [{"name": "满"}], "none": None}
MASTER = base64.b64encode(os.urandom(96)).decode()


class Replicas:
    """Two processes' vaults over one database."""

    def __init__(self, uri: str) -> None:
        self.client: MongoClient[Any] = MongoClient(uri, serverSelectionTimeoutMS=300)
        self.name = f"vault{uuid.uuid4().hex[:8]}"
        self.one, self.other = self.fresh(), self.fresh()
        self.one.prepare()

    def fresh(self) -> Vault:
        """One that has kept nothing yet."""
        return Vault(self.client, self.name, MASTER)


@pytest.fixture
def vaults(database: Database) -> Replicas:
    return Replicas(database.uri)


def test_what_one_replica_seals_the_other_reveals_and_nothing_of_it_shows(vaults: Replicas) -> None:
    sealed = vaults.one.seal("lijing", FIELDS)
    again = vaults.one.seal("lijing", FIELDS)
    assert vaults.other.reveal(sealed) == vaults.fresh().reveal(again) == FIELDS
    assert sealed != again, "equal fields must not look equal"
    assert not any(text.encode() in sealed for text in ("欧阳", "满", "13800138000", "name", "phone"))


def test_a_community_has_one_key_even_if_all_replicas_begin_at_once(vaults: Replicas) -> None:
    many = [vaults.fresh() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda vault: vault.seal("lijing", FIELDS), many))
    assert all(vaults.fresh().reveal(one) == FIELDS for one in sealed)
    assert vaults.client[vaults.name]["keys"].count_documents({}) == 1


def test_another_community_has_another_key_and_a_changed_byte_is_noticed(vaults: Replicas) -> None:
    ours, theirs = vaults.one.seal("lijing", FIELDS), vaults.one.seal("shengtaiyuan", FIELDS)
    assert ours[:16] != theirs[:16]
    with pytest.raises(InvalidTag):
        vaults.one.reveal(Binary(theirs[:16] + ours[16:], ours.subtype))
    for place in (16, 30, -1):
        changed = bytearray(ours)
        changed[place] ^= 1
        with pytest.raises(InvalidTag):
            vaults.one.reveal(Binary(bytes(changed), ours.subtype))


def test_a_destroyed_key_takes_its_fields_along_and_no_other_ones(vaults: Replicas) -> None:
    sealed, other = vaults.one.seal("lijing/seal/1", FIELDS), vaults.one.seal("lijing", FIELDS)
    vaults.one.destroy("lijing/seal/1")
    vaults.one.destroy("lijing/seal/1")  # safe to repeat
    with pytest.raises(EncryptionError):  # whoever has read the key before has it for another minute or two
        vaults.fresh().reveal(sealed)
    assert vaults.fresh().reveal(other) == FIELDS
    anew = vaults.one.seal("lijing/seal/1", FIELDS)
    assert anew[:16] != sealed[:16]


def test_what_was_sealed_by_explicit_encryption_is_read(vaults: Replicas) -> None:
    vaults.one.seal("lijing", FIELDS)
    key = vaults.client[vaults.name]["keys"].find_one({"keyAltNames": "lijing"})
    assert key is not None
    before = vaults.one._codec.encrypt(
        {"json": '{"name": "欧阳小满"}'}, Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random, key_id=key["_id"]
    )
    assert vaults.fresh().reveal(before) == {"name": "欧阳小满"}


def test_a_database_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    server = Database(tmp_path)
    vaults = Replicas(server.uri)
    sealed = vaults.one.seal("lijing", FIELDS)
    server.kill()
    assert vaults.one.reveal(sealed) == FIELDS, "a key is kept for a minute"
    for act in (
        lambda: vaults.fresh().seal("lijing", FIELDS),
        lambda: vaults.fresh().reveal(sealed),
        lambda: vaults.one.destroy("x"),
    ):
        with pytest.raises(Unavailable) as raised:
            act()
        assert raised.value.code == "database_unavailable"
    server.start()
    # A client of its own: the driver looks for a lost server twice a second, and these clients wait 0.3 s for it.
    with MongoClient[Any](server.uri) as client:
        assert Vault(client, vaults.name, MASTER).reveal(sealed) == FIELDS
    server.stop()
