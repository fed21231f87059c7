"""The bytes of a key, a value and an index entry of the development database: what its own functions give, made faster.

WiredTiger's Python reads a format such as `SSSu` letter by letter for every key that it packs or unpacks. SecantusDB encodes
a value anew for each combination in which it takes part, the community's name for each index.
`tests/store/test_database.py` compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache
from itertools import product
from types import NoneType
from typing import Any, NamedTuple

from secantus import sortkey, storage
from wiredtiger import Cursor
from wiredtiger.intpacking import pack_int, unpack_int

CURSORS: Any = sys.modules[Cursor.__module__]  # where a cursor looks for `pack` and `unpack`
slow_pack, slow_unpack = CURSORS.pack, CURSORS.unpack
slow_keys, slow_many = storage._index_key_variants, storage._doc_makes_multikey

NUL = b"\x00"
REMEMBERED = (str, NoneType, datetime)


class Since(NamedTuple):
    """The documents that have a time in this field, not before that one."""

    field: str
    time: bytes  # as a key holds it
    some: Mapping[str, Any]  # the same as a filter


class Plain(NamedTuple):
    """An index that is no more than its entries: what their keys begin with, its own key, and which documents it is about."""

    prefix: bytes
    key: Mapping[str, Any]
    since: Since | None


@cache
def _layout(format: str) -> tuple[int, str] | None:
    """How many strings a format begins with, and the one bytes or integer behind them; None for any other format."""
    rest = format.lstrip("S")
    return (len(format) - len(rest), rest) if rest in ("", "u", "q") else None


@lru_cache(maxsize=10_000)
def _names(*names: str) -> bytes:
    return b"".join(name.partition("\x00")[0].encode() + NUL for name in names)


def pack(format: str, *values: Any) -> bytes:
    """The values as WiredTiger stores them."""
    layout = _layout(format)
    if layout is None:
        packed: bytes = slow_pack(format, *values)
        return packed
    strings, rest = layout
    names = _names(*values[:strings]) if strings else b""
    if rest == "u":
        return names + bytes(values[strings])
    return names + pack_int(values[strings]) if rest else names


def unpack(format: str, packed: bytes | None) -> list[Any]:
    """The values of what `pack` gave."""
    layout = _layout(format)
    if layout is None or packed is None:
        values: list[Any] = slow_unpack(format, packed)
        return values
    strings, rest = layout
    *names, tail = packed.split(NUL, strings) if strings else (packed,)
    found: list[Any] = [name.decode() for name in names]
    if rest:
        found.append(tail if rest == "u" else unpack_int(tail)[0])
    return found


@lru_cache(maxsize=20_000)
def _remembered(value: Any, direction: int) -> bytes:
    encoded: bytes = sortkey.encode_value_directed(value, direction)
    return encoded


def _encoded(value: Any, direction: int, collation: Any) -> bytes:
    # Of the type itself: what derives from str is encoded as something else. No numbers: to Python, 1 is True.
    if collation is None and type(value) in REMEMBERED:
        return _remembered(value, direction)
    encoded: bytes = sortkey.encode_value_directed(value, direction, collation=collation)
    return encoded


def _field_keys(document: Mapping[str, Any], field: str, direction: int, collation: Any) -> list[bytes]:
    """What an index finds in a field: the value; of an array each value and the whole; null where there is none."""
    if "." in field:
        values: list[Any] = storage._index_field_values(document, field)[0]
    else:
        value = document.get(field)
        if not isinstance(value, list):
            return [_encoded(value, direction, collation)]
        values = [*value, value]
    return list(dict.fromkeys(_encoded(value, direction, collation) for value in values))


def index_keys(document: Mapping[str, Any], spec: Mapping[str, Any], *, sparse: bool, collation: Any = None) -> list[bytes]:
    """The keys under which an index finds a document."""
    if sparse and not storage._sparse_covers(document, spec):
        return []
    fields = [_field_keys(document, field, int(direction), collation) for field, direction in spec.items()]
    if len(fields) == 1:
        return fields[0]
    return list(dict.fromkeys(map(sortkey.COMPOUND_SEP.join, product(*fields))))


def many_keys(document: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    """Whether one of the fields is an array, or lies in one."""
    return any(
        storage._index_field_values(document, field)[1] if "." in field else isinstance(document.get(field), list)
        for field in spec
    )


def since(some: Any) -> Since | None:
    """Which documents an index is about, where that is those that have a time, not before another, in one field."""
    if not isinstance(some, Mapping) or len(some) != 1:
        return None
    ((field, bounds),) = some.items()
    known = isinstance(bounds, Mapping) and list(bounds) == ["$gte"] and type(bounds["$gte"]) is datetime
    return Since(field, _remembered(bounds["$gte"], 1), some) if known else None


def _has(document: Mapping[str, Any], since: Since) -> bool:
    values = storage._index_field_values(document, since.field)[0] if "." in since.field else [document.get(since.field)]
    if {type(value) for value in values} <= {datetime, NoneType}:
        return any(value is not None and _remembered(value, 1) >= since.time for value in values)
    return bool(storage.matches(document, since.some))


def entries(document: Mapping[str, Any], recordid: int, indexes: list[Plain]) -> Iterator[bytes]:
    """The packed keys of a document's entries in these indexes."""
    for index in indexes:
        if index.since is None or _has(document, index.since):
            for key in index_keys(document, index.key, sparse=False):
                yield index.prefix + storage._pack_entry(key, recordid)


def insert(cursor: Any, key: bytes) -> None:
    """Put an entry in, as `cursor[…] = b""` does."""
    cursor._key, cursor._value = key, b""  # WiredTiger reads them where they are: they must live on
    cursor._set_key(cursor._key)
    cursor._set_value(cursor._value)
    if cursor.insert() != 0:
        raise KeyError(key)


def remove(cursor: Any, key: bytes) -> None:
    """Take an entry out, if it is there."""
    cursor.reset()
    cursor._key = key
    cursor._set_key(key)
    if cursor.search() == 0:
        cursor.remove()


def install() -> None:
    """Have the database use these."""
    CURSORS.pack, CURSORS.unpack = pack, unpack
    storage._index_key_variants, storage._doc_makes_multikey = index_keys, many_keys
