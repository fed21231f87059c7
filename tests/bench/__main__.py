"""`make bench`: the main job, ours and the same written the usual way, on the same broker and database in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
from kombu import Connection, Queue
from rich.console import Console
from rich.table import Table

from shared.broker import topology
from tests.bench import parts, petitions
from tests.bench.large import compare
from tests.bench.load import Result, closed, open_loop
from tests.system.world import World, free_ports, tomorrow

TICKS = os.sysconf("SC_CLK_TCK")
UNCHECKED = "stock nameko without checks"
ALL_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


class Side(ABC):
    """One of the two systems under load."""

    name: str
    port: int
    pids: list[int]

    def __init__(self, world: World) -> None:
        self.world = world
        self.token = world.lijing.resident.token
        self._slot = 0

    @property
    def head(self) -> bytes:
        return (
            b"POST /api/v1/lijing/reservations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + self.token.encode() + b"\r\n"
        )

    def bodies(self) -> Iterator[bytes]:
        """Reservations of slots of their own, room by room."""
        while True:
            room = self.rooms[self._slot % len(self.rooms)]
            quarter = self._slot // len(self.rooms)
            start = tomorrow(0, days=1) + timedelta(minutes=15 * quarter)
            self._slot += 1
            body = {"room_id": room, "start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
            yield json.dumps(body | {"purpose": "排练"}).encode()

    rooms: list[str]

    @abstractmethod
    def heard(self) -> dict[str, list[float]]:
        """When each reservation was heard by the listener (epoch seconds)."""

    def rest(self) -> float:
        """Wait until what was put off is done; says when that was, 0 where nothing ever is."""
        return 0.0

    def cpu(self) -> float:
        """CPU seconds of the service processes so far."""
        total = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS


class Ours(Side):
    name = "linli"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.port = world.here.service_ports("bookings")[0]
        self.pids = [world.stack.pid("bookings-0"), world.stack.pid("notifications-0")]
        self.rooms = [world.lijing.room(hours=ALL_DAY, slot=15)["id"] for _ in range(20)]
        self._said: dict[str, str] = {}  # event: reservation
        self._from: int | str = "first"

    def _read_the_stream(self) -> dict[str, str]:
        """Which reservation each event told of. Read after the load, for the other side has no outside subscriber either."""

        def keep(message: Any) -> None:
            message.ack()
            self._from = int(message.headers["x-stream-offset"]) + 1
            self._said[message.headers["cloudEvents:id"]] = message.headers["cloudEvents:subject"]

        with Connection(self.world.here.amqp("demo")) as connection:
            channel = connection.channel()
            channel.basic_qos(0, 500, False)
            stream = Queue(topology.stream("bookings"), no_declare=True, consumer_arguments={"x-stream-offset": self._from})
            with connection.Consumer(stream, channel=channel, on_message=keep):
                end = time.monotonic() + 120
                while time.monotonic() < end:
                    try:
                        connection.drain_events(timeout=0.5)
                    except TimeoutError:
                        return self._said
        raise TimeoutError("somebody goes on publishing")

    def heard(self) -> dict[str, list[float]]:
        names = self._read_the_stream()
        found: dict[str, list[float]] = {}
        rows = self.world.mongo["notifications"]["deliveries"].find({"channel": "inbox"}, {"event_id": 1, "sent_at": 1})
        for row in rows:
            found.setdefault(names.get(row["event_id"], ""), []).append(row["sent_at"].timestamp())
        return found

    def rest(self) -> float:
        names = ("linli_outbox_untidied", "linli_relay_pending")
        self.world.until(lambda: not any(self.world.metric("bookings", name) for name in names), 120, "the tidying")
        return time.time()


class Stock(Side):
    """With `beside`, another HTTP service of the same listener, that checks neither token nor body."""

    name = "stock nameko"

    def __init__(self, world: World, stack: ExitStack, beside: Stock | None = None) -> None:
        super().__init__(world)
        self.port = free_ports(1)[0]
        if beside is None:
            world.broker_control("add_user", "stock", "stock")
            world.broker_control("set_permissions", "stock", ".*", ".*", ".*")
        else:
            self.name = UNCHECKED
        keys = requests.get(f"{world.here.base_url}/.well-known/jwks.json", timeout=10).text
        amqp = f"amqp://stock:stock@127.0.0.1:{world.here.port('LINLI_AMQP_PORT')}//"
        environ = os.environ | {"STOCK_MONGO": world.here.mongo("admin"), "STOCK_JWKS": keys}
        environ["STOCK_CHECKS"] = "none" if beside else "all"
        self.pids = [beside.pids[-1]] if beside else []
        for module in ("booking",) if beside else ("booking", "notification"):
            config = world.here.path("bench", f"{module}-{self.port}.yaml")
            logging = "{version: 1, root: {level: WARNING}}"
            address = f"127.0.0.1:{self.port}"
            config.write_text(f"AMQP_URI: '{amqp}'\nWEB_SERVER_ADDRESS: '{address}'\nmax_workers: 100\nLOGGING: {logging}\n")
            program = str(Path(sys.executable).parent / "nameko")
            command = [program, "run", "--config", str(config), f"tests.bench.peers.{module}"]
            out = world.here.path("logs", f"stock-{module}-{self.port}.log").open("wb")
            process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            self.pids.append(process.pid)
        self.rooms = [f"stock-{self.port}-{n}" for n in range(20)]
        rooms = [{"_id": room, "community": "lijing", "name": room} for room in self.rooms]
        world.mongo["stock_booking"]["rooms"].insert_many(rooms)
        world.until(self._up, what="the stock services")

    def _up(self) -> bool:
        try:
            return requests.post(f"http://127.0.0.1:{self.port}/api/v1/lijing/reservations", timeout=2).status_code == 401
        except requests.ConnectionError:
            return False

    def heard(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for row in self.world.mongo["stock_notification"]["messages"].find({}, {"subject": 1, "created": 1}):
            found.setdefault(row["subject"], []).append(row["created"].timestamp())
        return found


def run(side: Side, load: Callable[[], Result]) -> dict[str, Any]:
    """One run: its load, then until all of it has been heard."""
    cpu, started = side.cpu(), time.monotonic()
    result = load()
    missing = set(result.sent)
    until = time.monotonic() + 60
    heard: dict[str, list[float]] = {}
    while missing and time.monotonic() < until:
        time.sleep(0.3)
        heard = side.heard()
        missing = {id for id in result.sent if id not in heard}
    cpu_used = side.cpu() - cpu
    # The other side must not run beside what this one put off; and what was put off is counted, in a line of its own.
    rested = side.rest()
    latencies = sorted(heard[id][0] - due for id, due in result.sent.items() if id in heard)
    last = max((heard[id][0] for id in result.sent if id in heard), default=0)
    first = min(result.sent.values(), default=0)
    return {
        "commands": len(result.sent),
        "per_second": len(result.sent) / max(last - first, 0.001),
        "rested_per_second": len(result.sent) / max(max(last, rested) - first, 0.001),
        "reply_p50": _percentile(result.replies, 50),
        "reply_p99": _percentile(result.replies, 99),
        "p50": _percentile(latencies, 50),
        "p99": _percentile(latencies, 99),
        "cpu_ms": cpu_used * 1000 / max(len(result.sent), 1),
        "failures": result.failures,
        "lost": len(missing),
        "doubled": sum(1 for id in result.sent if len(heard.get(id, [])) > 1),
        "seconds": time.monotonic() - started,
    }


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0


def main() -> None:
    """Run everything and print it; with --write, also into docs/benchmarks.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="job, relay, consumer, memory, large or petitions")
    parser.add_argument("--scale", type=float, default=1.0, help="of the large community; 1: a million uses and places")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    console = Console(width=120)
    if asked.only == "large":
        compare(console, asked.scale, asked.write)
        return
    if asked.only == "petitions":
        petitions.compare(console, asked.write)
        return
    rows: list[tuple[str, str, str, str]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linli-bench-")))
        world = stack.enter_context(
            World(
                folder,
                LINLI_BOOKINGS_REPLICAS="1",
                LINLI_TEST="0",
                LINLI_SWEEP_AFTER="10",
                LINLI_LEASE="10",
                LINLI_LOG_LEVEL="warning",
            )
        )
        parts.switch_mail_off(world)
        world.ear.__exit__()  # nobody else listens while it is measured
        if asked.only in ("", "memory"):
            rows += parts.idle_memory(world)
        if asked.only in ("", "job"):
            rows += job(world, stack, asked.seconds, asked.rounds, console)
        if asked.only in ("", "relay"):
            rows += parts.relay(world)
        if asked.only in ("", "consumer"):
            rows += parts.consumer(world)
        if asked.only in ("", "memory"):
            rows += parts.soak(world)
    show(console, rows)
    if asked.write:
        write(rows)
    if not asked.only:
        compare(console, asked.scale, asked.write)
        petitions.compare(console, asked.write)


def job(world: World, stack: ExitStack, seconds: float, rounds: int, console: Console) -> list[tuple[str, str, str, str]]:
    """The main job on both sides, alternating; the medians of the rounds."""
    stock = Stock(world, stack)
    sides: list[Side] = [Ours(world), stock, Stock(world, stack, beside=stock)]
    found: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
    for side in sides:
        run(side, lambda side=side: closed(side.port, side.head, side.bodies(), 32, 2))
    for _ in range(rounds):
        for side in sides:
            found[side.name].append(run(side, lambda side=side: closed(side.port, side.head, side.bodies(), 64, seconds)))
            console.print(side.name, {k: round(v, 2) for k, v in found[side.name][-1].items()})
    capacity = _median(found[stock.name], "per_second")
    steady: dict[float, dict[str, list[dict[str, Any]]]] = {}
    for rate in (0.6 * capacity, 1.3 * capacity):
        steady[rate] = {side.name: [] for side in sides[:2]}
        for _ in range(rounds):
            for side in sides[:2]:
                load = partial(open_loop, side.port, side.head, side.bodies(), rate, seconds)
                steady[rate][side.name].append(run(side, load))
                console.print(side.name, {k: round(v, 2) for k, v in steady[rate][side.name][-1].items()})
    return _job_rows(found, steady)


def _median(rounds: list[dict[str, Any]], what: str) -> float:
    return float(statistics.median(r[what] for r in rounds))


def _job_rows(found: Any, steady: Any) -> list[tuple[str, str, str, str]]:
    rows = []

    def compared(title: str, of: Any, what: str, unit: str = "", other: str = Stock.name) -> None:
        ours, theirs = _median(of[Ours.name], what), _median(of[other], what)
        rows.append((title, f"{ours:.2f}{unit}", f"{theirs:.2f}{unit}", f"{ours / theirs:.2f} ×"))

    callers = ", 64 callers"
    compared(f"commands/s, saved and heard{callers}", found, "per_second")
    compared("the same, until put-off tidying is done too", found, "rested_per_second")
    compared(f"CPU of the service processes per command{callers}", found, "cpu_ms", " ms")
    for what in ("p50", "p99"):
        compared(f"end to end {what}{callers}", found, what, " ms")
    compared("commands/s, against stock that checks neither token nor body", found, "per_second", "", UNCHECKED)
    compared("CPU per command, against the same", found, "cpu_ms", " ms", UNCHECKED)
    for rate, of in steady.items():
        loop = f", open loop at {rate:.0f}/s"
        for what in ("p50", "p99"):
            compared(f"end to end {what}{loop}", of, what, " ms")
        compared(f"reply p99{loop}", of, "reply_p99", " ms")
        compared(f"CPU of the service processes per command{loop}", of, "cpu_ms", " ms")
    for what in ("lost", "doubled", "failures"):
        totals = [sum(r[what] for of in (found, *steady.values()) for r in of[side]) for side in (Ours.name, Stock.name)]
        rows.append((f"events {what}" if what != "failures" else "commands failed", str(totals[0]), str(totals[1]), ""))
    return rows


def show(console: Console, rows: list[tuple[str, str, str, str]]) -> None:
    """The results as a table."""
    table = Table("", "linli", "stock nameko", "ratio", box=None)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def write(rows: list[tuple[str, str, str, str]]) -> None:
    """The results into docs/benchmarks.md, with date and machine."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    lines = [
        f"Measured {date.today().isoformat()} on {os.cpu_count()} cores ({model or platform.machine()}), Python "
        f"{platform.python_version()}, RabbitMQ 3.10, SecantusDB with an fsync a commit, all on that one machine.",
        "",
        "| | linli | stock nameko | ratio |",
        "|-|-:|-:|-:|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    file = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
    head = file.read_text().partition("<!-- results -->")[0] if file.exists() else "# Benchmarks\n\n"
    file.write_text(f"{head}<!-- results -->\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
