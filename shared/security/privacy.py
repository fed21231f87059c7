"""Personal fields: encrypted before they leave the process, searchable through blind tokens alone.

Each service has its own master key and its own key vault (collection `keys` of its own database); each
community has its own data key. A blind token is an HMAC, keyed per community and field: the database can see
which records of one community share a value and how often, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import orjson
from bson.binary import STANDARD, USER_DEFINED_SUBTYPE, UUID_SUBTYPE, Binary
from bson.codec_options import CodecOptions
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pymongo import IndexModel, MongoClient
from pymongo.encryption import Algorithm, ClientEncryption
from pymongo.errors import DuplicateKeyError, EncryptionError, PyMongoError

from shared.rules.errors import Invalid
from shared.storage.indexes import Wanted, build
from shared.storage.mongo import unavailable

EXPLICIT_SUBTYPE = 6  # the subtype of what MongoDB's explicit encryption gives
KEYS_HELD_MOST, KEY_HELD_SECONDS = 10_000, 60  # keys that a process holds at once, and for how many seconds

# Surnames whose reading as a surname differs from the usual one, or that have two.
SURNAMES = {
    "单": ["shan"], "解": ["xie"], "仇": ["qiu"], "区": ["ou"], "朴": ["piao", "pu"], "查": ["zha"],
    "盖": ["ge", "gai"], "华": ["hua"], "任": ["ren"], "曾": ["zeng"], "翟": ["zhai", "di"], "覃": ["qin", "tan"],
    "乐": ["yue", "le"], "冼": ["xian"], "尉": ["wei", "yu"], "缪": ["miao"], "宓": ["mi", "fu"], "燕": ["yan"],
    "召": ["shao", "zhao"], "祭": ["zhai", "ji"], "种": ["chong"], "重": ["chong"], "黑": ["he"], "折": ["she"],
    "员": ["yun"], "贠": ["yun"], "牟": ["mu", "mou"], "薄": ["bo"], "卜": ["bu"], "尹": ["yin"], "逄": ["pang"],
    "尉迟": ["yuchi"], "长孙": ["zhangsun"], "万俟": ["moqi"], "澹台": ["tantai"], "鲜于": ["xianyu"],
    "欧阳": ["ouyang"], "司马": ["sima"], "诸葛": ["zhuge"], "上官": ["shangguan"], "皇甫": ["huangfu"],
    "令狐": ["linghu"], "宇文": ["yuwen"], "慕容": ["murong"], "司徒": ["situ"], "夏侯": ["xiahou"], "东方": ["dongfang"],
}  # fmt: skip


class Vault:
    """One service's keys. `seal`/`reveal` for a document's personal fields, `lock`/`unlock` for raw bytes. Raises Unavailable
    where a key has to be read and the database is away."""

    def __init__(self, client: MongoClient[Any], database: str, master_key: str) -> None:
        master = base64.b64decode(master_key)
        self._ids: TTLCache[str, bytes] = TTLCache(KEYS_HELD_MOST, KEY_HELD_SECONDS)
        self._ciphers: TTLCache[bytes, AESGCMSIV] = TTLCache(KEYS_HELD_MOST, KEY_HELD_SECONDS)
        # Identifiers as they lie there, not as UUIDs, whatever the client is set to.
        self._vault = client[database].get_collection("keys", codec_options=CodecOptions())
        options: CodecOptions[Any] = CodecOptions(tz_aware=True, uuid_representation=STANDARD)
        self._codec: ClientEncryption[Any] = ClientEncryption({"local": {"key": master}}, f"{database}.keys", client, options)
        self._bytes = _derive(master, "bytes")
        self._blind = _derive(master, "search")

    def prepare(self) -> None:
        """Make sure that two replicas cannot both create a community's key."""
        build(self)

    def indexes(self) -> Wanted:
        """See Indexed."""
        yield self._vault, IndexModel("keyAltNames", unique=True)

    def outdated(self) -> list[Any]:
        """See Indexed."""
        return []

    def destroy(self, name: str) -> None:
        """Forget a key: what it encrypted is noise, after two minutes at most where it was in use. Safe to repeat."""
        with _database():
            self._vault.delete_many({"keyAltNames": name})
        self._ids.pop(name, None)  # afterwards: somebody may have looked for it meanwhile

    def seal(self, community: str, fields: dict[str, Any]) -> Binary:
        """Encrypt personal fields together, randomised, under the community's key: its identifier, a nonce, the rest."""
        key, nonce = self._key(community), os.urandom(12)
        return Binary(key + nonce + self._cipher(key).encrypt(nonce, orjson.dumps(fields), key), USER_DEFINED_SUBTYPE)

    def reveal(self, sealed: Binary) -> dict[str, Any]:
        """The personal fields that `seal` encrypted."""
        if sealed.subtype == EXPLICIT_SUBTYPE:  # as they were sealed before decision 19
            with _database():
                return dict(orjson.loads(self._codec.decrypt(sealed)["json"]))
        key = sealed[:16]
        return dict(orjson.loads(self._cipher(key).decrypt(sealed[16:28], sealed[28:], key)))

    def _key(self, name: str) -> bytes:
        """The identifier of a data key, which is made when it is asked for first."""
        found = self._ids.get(name)
        if found is None:
            with _database():
                found = self._ids[name] = bytes(self._find_key(name) or self._make_key(name))
        return found

    def _find_key(self, name: str) -> Binary | None:
        found = self._vault.find_one({"keyAltNames": name}, {"_id": 1})
        return found["_id"] if found else None

    def _make_key(self, name: str) -> Binary:
        try:
            return self._codec.create_data_key("local", key_alt_names=[name])
        except (DuplicateKeyError, EncryptionError):
            # Another replica was first: its key is ours too.
            if found := self._find_key(name):
                return found
            raise

    def _cipher(self, key: bytes) -> AESGCMSIV:
        """What fields are encrypted with, derived from a data key. It is stored nowhere, and goes with the data key."""
        cipher = self._ciphers.get(key)
        if cipher is None:
            how = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Deterministic
            with _database():
                drawn = self._codec.encrypt("linli/fields", how, key_id=Binary(key, UUID_SUBTYPE))
            cipher = AESGCMSIV(HKDF(SHA256(), 32, salt=None, info=b"linli/fields").derive(drawn))
            self._ciphers[key] = cipher
        return cipher

    def lock(self, data: bytes, under: bytes = b"") -> bytes:
        """Encrypt bytes that live shortly (a stored reply, a code on its way); `under` what is needed again to read them."""
        nonce = os.urandom(12)
        return nonce + self._aead(under).encrypt(nonce, data, None)

    def unlock(self, data: bytes, under: bytes = b"") -> bytes:
        """The bytes that `lock` encrypted."""
        return self._aead(under).decrypt(data[:12], data[12:], None)

    def _aead(self, under: bytes) -> AESGCM:
        return AESGCM(hmac.new(self._bytes, under, hashlib.sha256).digest() if under else self._bytes)

    def token(self, community: str, field: str, text: str) -> str:
        """The blind token of one normalised value."""
        key = _derive(self._blind, f"{community}/{field}")
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]

    def tokens(self, community: str, field: str, texts: set[str]) -> list[str]:
        """The blind tokens of several values, sorted."""
        return sorted(self.token(community, field, text) for text in texts)


@contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        # What the vault said to the library comes wrapped.
        cause = error.cause if isinstance(error, EncryptionError) else error
        if isinstance(cause, PyMongoError):
            raise unavailable(cause) from error
        raise


class PlainVault:
    """For unit tests of logic that needs *a* vault: keeps the interface, seals nothing."""

    def seal(self, community: str, fields: dict[str, Any]) -> bytes:
        return orjson.dumps(fields)

    def reveal(self, sealed: bytes) -> dict[str, Any]:
        return dict(orjson.loads(sealed))

    def lock(self, data: bytes, under: bytes = b"") -> bytes:
        return data

    def unlock(self, data: bytes, under: bytes = b"") -> bytes:
        return data

    def token(self, community: str, field: str, text: str) -> str:
        return f"{community}/{field}/{text}"

    def tokens(self, community: str, field: str, texts: set[str]) -> list[str]:
        return sorted(self.token(community, field, text) for text in texts)


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, f"linli/{purpose}".encode(), hashlib.sha256).digest()


def normalise(text: str) -> str:
    """One spelling for what people write in many: NFKC, lower case, no spaces, dots or dashes."""
    return re.sub(r"[\s·•.\-']+", "", unicodedata.normalize("NFKC", text)).lower()


def name_forms(name: str) -> set[str]:
    """What a name can be found by: the whole, its first and last two characters, full pinyin and initials."""
    plain = normalise(name)
    forms = {plain, plain[:2], plain[-2:]}
    if re.search(r"[\u3400-\u9fff]", plain):
        for syllables in _readings(plain):
            forms |= {"".join(syllables), "".join(s[0] for s in syllables)}
    else:
        forms |= {normalise(word) for word in name.split()}
    return {form for form in forms if len(form) >= 2}


def _readings(name: str) -> list[tuple[str, ...]]:
    # Imported late: one service alone searches by pinyin, and the tables cost memory in every process.
    from pypinyin import Style, lazy_pinyin, pinyin

    length = 2 if name[:2] in SURNAMES else 1
    surname, given = name[:length], name[length:]
    if length == 2:
        surname_readings = [tuple(lazy_pinyin(surname))] + [(r,) for r in SURNAMES[surname]]
        # "ouyang" must also be found by its initials "oy".
        surname_readings = [r for r in surname_readings if all(r)]
    else:
        usual = [reading for reading in pinyin(surname, style=Style.NORMAL, heteronym=True)[0] if reading]
        surname_readings = [(r,) for r in dict.fromkeys(usual + SURNAMES.get(surname, []))]
    rest = tuple(syllable for syllable in lazy_pinyin(given) if syllable)
    return [(*first, *then) for first, then in product(surname_readings, [rest])]


def e164(phone: str, field: str = "phone") -> str:
    """A phone number in E.164 (default region China). Raises Invalid("phone_invalid")."""
    import phonenumbers

    try:
        number = phonenumbers.parse(phone, "CN")
    except phonenumbers.NumberParseException as error:
        raise Invalid("phone_invalid", "not a phone number", field) from error
    if not phonenumbers.is_possible_number(number) or len(phone) > 32:
        raise Invalid("phone_invalid", "not a phone number", field)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
