"""Several messages in one send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shared.broker.topology import sent_together


class Transport:
    """What py-amqp's does with a frame: hand over a view of memory that the next frame is written into."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self._write: Any = lambda data: self.sent.append(bytes(data))
        self._memory = bytearray(1)

    def write(self, data: Any) -> None:
        self._write(data)

    def frame(self, letter: bytes) -> None:
        self._memory[:] = letter
        self.write(memoryview(self._memory))


def test_what_is_published_together_goes_out_once_in_its_order() -> None:
    transport = Transport()
    with sent_together(SimpleNamespace(connection=SimpleNamespace(transport=transport))):
        for letter in (b"a", b"b", b"c"):
            transport.frame(letter)
        assert transport.sent == []
    assert transport.sent == [b"abc"]
    transport.frame(b"d")
    assert transport.sent == [b"abc", b"d"]


def test_of_what_failed_half_way_nothing_goes_out_and_the_connection_writes_as_before() -> None:
    transport = Transport()
    with pytest.raises(ValueError), sent_together(SimpleNamespace(connection=SimpleNamespace(transport=transport))):
        transport.frame(b"a")
        raise ValueError
    transport.frame(b"b")
    assert transport.sent == [b"b"]
