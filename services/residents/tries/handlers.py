"""Counts tries, in the database, before anybody looks whether they are right."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Any

from services.residents.keys import Keys
from services.residents.tries import domain
from services.residents.tries.domain import Limit, Tries
from shared.calls import Call
from shared.rules.errors import Missing
from shared.rules.roles import INSTALLATION
from shared.runtime.platform import Platform
from shared.settings import read
from shared.storage.kinds import Kind
from shared.telemetry import SIGN_INS, log

TRIES = Kind(Tries, "tries", indexes=(("due",),))
ALARM_REFUSALS_A_MINUTE = 100  # refusals in this process within a minute that nobody's forgetting explains


class Counter:
    """Tries by what is tried and by network address, kept as keyed hashes for a day or as long as the secret lives."""

    def __init__(self, platform: Platform, keys: Keys) -> None:
        self._keys, self._tries = keys, platform.store(TRIES)
        # Many people may sit behind one address: a centre's own computers, a school.
        by_address = int(read(platform.settings.environ, "LINLI_TRIES_AN_ADDRESS", "100"))
        self._by_address = Limit(by_address, timedelta(hours=1), timedelta(hours=1))
        self._minute, self._refused = 0, 0

    def id(self, way: str, of: str) -> str:
        """The id of what was tried in one way with one thing."""
        return self._keys.blind("tries", way, of)

    def count(self, call: Call, way: str, of: str, limit: Limit) -> None:
        """One more try. Raises Limited."""
        self._decide(call, self.id(way, of), domain.attempt, limit, call.at)

    def count_address(self, call: Call, way: str) -> None:
        """One more try from the caller's network address. Raises Limited."""
        self._decide(call, self.id(f"address/{way}", network(call.client)), domain.attempt, self._by_address, call.at)

    def here(self, call: Call, of: str) -> str:
        """The same, as it is tried from the caller's address: so that nobody is shut out by somebody elsewhere."""
        return f"{of}/{network(call.client)}"

    def right(self, call: Call, way: str, of: str) -> None:
        """It was right: tries of before do not count, and the address has one more again."""
        self._decide(call, self.id(way, of), domain.start_anew)
        self._decide(call, self.id(f"address/{way}", network(call.client)), domain.was_right)
        SIGN_INS.labels(way, "right").inc()

    def wrong(self, call: Call, way: str) -> None:
        """It was not. Many of these, wherever from, raise an alarm alone: to close the door to all may be what is wanted."""
        SIGN_INS.labels(way, "wrong").inc()
        minute = int(call.at.timestamp()) // 60
        self._refused = self._refused + 1 if minute == self._minute else 1
        self._minute = minute
        if self._refused == ALARM_REFUSALS_A_MINUTE:
            log("sign-in").error("many_refused", within="a minute", refused=self._refused)

    def start_anew(self, call: Call, way: str, of: str) -> None:
        """Another secret is to be guessed now."""
        self._decide(call, self.id(way, of), domain.start_anew)

    def ask_code(self, call: Call, credential: str, channel: str, of: str) -> None:
        """A code is wanted, counted by `of`; the same writes, whoever asks. Raises Limited."""
        self.count_address(call, "ask")
        self._decide(call, self.id("ask", of), domain.ask_code, credential, channel, call.at)

    def asked(self, id: str) -> Tries | None:
        """What a code was asked for."""
        found: Tries | None = self._tries.find(INSTALLATION, id)
        return found

    def forget(self, call: Call) -> None:
        """What was tried a day ago counts no more. Anybody may try any phone: it must not stay."""
        self._tries.backend.forget(INSTALLATION, call.at)

    def _decide(self, call: Call, id: str, decide: Any, *args: Any) -> None:
        inside = call.plain(INSTALLATION)

        def new(_: str) -> Tries:
            return Tries(due=call.at + domain.TRIES_KEPT_FOR)

        try:
            self._tries.ensure(inside, id, new, decide, *args)
        except Missing:  # it was being forgotten in this very moment
            self._tries.ensure(inside, id, new, decide, *args)


def network(client: str) -> str:
    """What an address is counted by: itself, or the /64 that a customer has whole (IPv6)."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return "unknown"
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
