"""The system under test, as scenarios speak of it: communities, people, what was heard, and quiet."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from kombu import Connection
from pymongo import MongoClient

from ops.client import ApiError, Client, until
from ops.demo import Demo, Listener
from ops.services import RECORDS, SERVICES
from ops.settings import PORTS, Installation
from ops.stack import Stack
from shared.broker import topology
from shared.security.identity import Signer
from shared.storage.cursors import EPOCH

TAP = "tap"
SHANGHAI = ZoneInfo("Asia/Shanghai")
FAST = {
    "LINLI_TEST": "1",
    "LINLI_RETRY_SECONDS": "0.3,0.6,1.2",
    "LINLI_SWEEP_AFTER": "2",
    "LINLI_LEASE": "3",
    "LINLI_DATABASE_TIMEOUT": "6",  # two systems share the machine: the database answers 200 at once half as fast
    "LINLI_BOOKINGS_REPLICAS": "2",
    "LINLI_PETITIONS_REPLICAS": "2",
    "LINLI_TRIES_AN_ADDRESS": "100000",  # all callers have one address here; the limit itself is tried on a replica of its own
}


def free_ports(count: int, run: int = 1) -> list[int]:
    """`count` free ports, each with `run - 1` free ones behind it; of each process of a test run in a range of its own."""
    chosen: list[int] = []
    mine = 20000 + 4000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw2")[2:]) % 3)
    for _ in range(10_000):
        if len(chosen) == count:
            return chosen
        first = mine + random.SystemRandom().randrange(4000 - run)
        if all(abs(first - other) >= run for other in chosen) and all(_is_free(first + n) for n in range(run)):
            chosen.append(first)
    raise OSError(f"no {count} free ports from {mine} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """`act(0) … act(count - 1)`, all let go at the same moment."""
    gate = threading.Barrier(count)

    def go(n: int) -> Any:
        gate.wait(30)
        return act(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(go, range(count)))


class World:
    """One running system, with its own broker and database on free ports."""

    def __init__(self, folder: Path, **environ: str) -> None:
        ports = dict(zip(PORTS, map(str, free_ports(len(PORTS), run=4)), strict=True))
        self.faults = folder / "faults"
        self.faults.mkdir(parents=True)
        self.clock_file = folder / "clock"
        settings = FAST | ports | {"LINLI_FAULTS": str(self.faults), "LINLI_CLOCK_FILE": str(self.clock_file)} | environ
        self.here = Installation.load(folder / "run", settings)
        self.stack = Stack(self.here)
        self.secrets: list[str] = []  # that must stand in clear nowhere when all is over
        self.passed = {topology.out("residents"), topology.out("bookings")}  # exchanges that something must have passed
        self._open = ExitStack()
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> World:
        self.stack.up()
        self._open.callback(self.stack.down)
        try:
            return self._enter()
        except BaseException:
            self._open.close()
            raise

    def _enter(self) -> World:
        self.demo = Demo(self.here, lambda text: None)
        self.data = self.demo.load()
        self.secrets += [account["password"] for account in self.data["accounts"]]
        self.ear = self._open.enter_context(Listener(self.here.amqp("demo")))
        self.mongo: MongoClient[Any] = MongoClient(self.here.mongo("admin"), tz_aware=True)
        self._open.callback(self.mongo.close)
        self.lijing = Community(self, "lijing")
        self.shengtaiyuan = Community(self, "shengtaiyuan")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def api(self) -> Client:
        """Nobody, at the edge."""
        return Client(self.here.base_url)

    def operator(self, community: str = "_") -> Client:
        """The installation's operator, signed in for one community."""
        own = self.here.operator
        return self.api.sign_in(own["phone"], password=own["password"], community=community)

    def open(self, slug: str, **facts: str) -> Community:
        """A new community, with its first two people signed in."""
        about = {"slug": slug, "name": "新社区", "district": "离石区", "street": "凤山街道"} | facts
        self.operator().post("/communities", about)
        phones = {role: invented_phone() for role in ("secretary", "street_officer")}
        people = {role: {"name": "演示职员", "phone": phone} for role, phone in phones.items()}
        self.operator().post(f"/communities/{slug}/first-people", people)
        made, password = Community(self, slug), f"a-password-of-{slug}"
        for role, phone in phones.items():
            made.signed_in[role] = self.demo.activate(phone, password=password)
            self.data["accounts"].append({"community": slug, "role": role, "phone": phone, "password": password})
        self.secrets.append(password)
        made.signed_in["worker"], _ = made.appoint("worker")
        return made

    def token(self, slug: str, person: str, *roles: str, **claims: Any) -> str:
        """A token as residents would sign it, for what only a late or a wrong one could do."""
        now = int(time.time())
        made = {
            "iss": "linli",
            "aud": "linli",
            "sub": f"sub-of-{person}",
            "iat": now,
            "exp": now + 300,
            "sid": str(uuid.uuid4()),
        }
        return Signer(self.here.secrets["signing"]).sign(
            made | {"communities": {slug: {"id": person, "roles": list(roles)}}} | claims
        )

    def replica(self, service: str, n: int = 0) -> str:
        """The address of one replica, past the edge."""
        return f"http://127.0.0.1:{self.here.service_ports(service)[n]}"

    def broker_control(self, *arguments: str) -> str:
        """rabbitmqctl on the world's own broker."""
        file = self.here.path("env", "broker.sh")
        command = f'. {file} && exec /usr/lib/rabbitmq/bin/rabbitmqctl -q -n $RABBITMQ_NODENAME "$@"'
        shell = ["/bin/sh", "-c", command, "sh", *arguments]
        return subprocess.run(shell, capture_output=True, text=True, timeout=60, check=True).stdout

    def linli(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The operator's command, on this system."""
        command = [sys.executable, "-m", "ops", "--dir", str(self.here.folder), *arguments]
        told = self.here.environ | environ
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=told, check=False)

    def tap(self) -> None:
        """From now on keep a copy of all that passes any exchange, retries included, in the queue TAP."""
        self.broker_control("add_user", TAP, TAP)
        self.broker_control("set_permissions", TAP, TAP, TAP, ".*")
        with Connection(f"amqp://{TAP}:{TAP}@127.0.0.1:{self.here.port('LINLI_AMQP_PORT')}//") as connection:
            channel = connection.channel()
            channel.queue_declare(TAP, durable=True, auto_delete=False)
            for service in SERVICES:
                channel.queue_bind(TAP, topology.out(service), "#")
                channel.queue_bind(TAP, topology.events(service), "#")
                if RECORDS[service].restricted:
                    channel.queue_bind(TAP, topology.restricted(service), "#")
                for key in ("inbox", "parked", *topology.TIERS):
                    channel.queue_bind(TAP, topology.retry(service), key)

    # -- quiet

    def settle(self, seconds: float = 60) -> None:
        """Wait until nothing is on its way: inboxes read, relays idle, three looks in a row, and outboxes empty."""
        end, calm, pause = time.monotonic() + seconds, 0, 0.02
        with Connection(self.here.amqp("operator")) as connection:
            connection.ensure_connection(max_retries=None, interval_start=0.2, interval_step=0, timeout=seconds)
            channel = connection.channel()
            while calm < 3:
                busy = self._waiting(channel) or self._at_work() or (self.outboxes() if calm == 2 else [])
                calm = 0 if busy else calm + 1
                if time.monotonic() > end:
                    raise TimeoutError(f"not quiet: {busy}")
                if busy:
                    time.sleep(pause)
                    pause = min(2 * pause, 0.3)

    def _waiting(self, channel: Any) -> list[str]:
        """Queues of ours that hold messages; and that of the outside subscriber, also while it is away."""
        queues = [q for s in SERVICES for q in (topology.inbox(s), *(topology.tier(s, t) for t in topology.TIERS))]
        depths = {queue: channel.queue_declare(queue, passive=True).message_count for queue in queues}
        outside = channel.queue_declare(self.ear.queue, passive=True)
        depths[self.ear.queue] = outside.message_count
        away = [] if outside.consumer_count else ["the outside subscriber is away"]
        return [f"{queue}: {depth}" for queue, depth in depths.items() if depth] + away

    def _at_work(self) -> list[str]:
        """Replicas that handle or publish events."""
        replicas = [(service, n) for service in SERVICES for n, _ in enumerate(self.here.service_ports(service))]
        names = ("linli_inbox_taken", "linli_relay_pending")
        return [f"{service}-{n}" for service, n in replicas if any(self.metrics(service, n, *names))]

    def outboxes(self) -> list[str]:
        """Documents that still hold events."""
        found = []
        for service in SERVICES:
            database = self.mongo[service]
            for row in database["tenants"].find({}):
                for collection in set(row.get("written", ())) - {"audit"}:
                    community = row["_id"]
                    # By its index: to look through every document of a long run takes longer than what it waits for.
                    waiting = {"community": community, "outbox.at": {"$gte": EPOCH}}
                    if database[collection].find_one(waiting, {"_id": 1}) is not None:
                        found.append(f"{service}.{collection} in {community}")
        return found

    def metrics(self, service: str, n: int, *names: str) -> list[float]:
        """The sums of these metrics on one replica; infinite while the replica is away."""
        try:
            asked = {"name[]": names}  # these alone: to print all of them takes a service as long as a command
            lines = self._http.get(f"{self.replica(service, n)}/metrics", params=asked, timeout=10).text.splitlines()
        except requests.ConnectionError:
            return [float("inf")] * len(names)
        return [sum(float(li.rpartition(" ")[2]) for li in lines if re.match(rf"{name}[{{ ]", li)) for name in names]

    def metric(self, service: str, name: str, n: int = 0) -> float:
        """The sum of one metric on one replica; infinite while the replica is away."""
        return self.metrics(service, n, name)[0]

    # -- what was heard

    def heard(self, name: str, subject: str = "", community: str = "") -> list[dict[str, Any]]:
        """The distinct events of this name, about this subject, that the outside subscriber heard."""
        found = {
            e["id"]: e
            for e in self.ear.named(name)
            if subject in ("", e["subject"]) and community in ("", e["headers"]["cloudEvents:community"])
        }
        return list(found.values())

    # -- faults and time

    def arm(self, point: str) -> Path:
        """Have the next process that passes this point killed. The file is gone when it has happened."""
        file = self.faults / point
        file.touch()
        return file

    @contextmanager
    def clock_at(self, moment: datetime) -> Iterator[None]:
        """Every service believes it is this moment."""
        self.clock_file.write_text(moment.isoformat())
        try:
            yield
        finally:
            self.clock_file.unlink()

    def tick(self, service: str, timer: str = "let_time_pass") -> None:
        """Wait until a timer has run from its beginning to its end: whatever was due has been done, or is on its way."""
        begun = self._runs(service, timer, "begun")  # also what is at work just now
        self.until(lambda: self._runs(service, timer, "done", "failed") > begun, what=f"{service}.{timer}")

    def _runs(self, service: str, timer: str, *outcomes: str) -> float:
        lines: list[str] = []
        for n, _ in enumerate(self.here.service_ports(service)):
            asked = {"name[]": "linli_timer_runs_total"}
            lines += self._http.get(f"{self.replica(service, n)}/metrics", params=asked, timeout=10).text.splitlines()
        of = [f'{{outcome="{outcome}",timer="{timer}"}}' for outcome in outcomes]
        return sum(float(line.rpartition(" ")[2]) for line in lines if any(label in line for label in of))

    def until(self, found: Callable[[], Any], seconds: float = 90, what: str = "it") -> Any:
        """The first true value."""
        return until(found, seconds, what)


class Community:
    """One community, and its people, signed in."""

    def __init__(self, world: World, slug: str) -> None:
        self.world, self.slug = world, slug
        self.signed_in: dict[str, Client] = {}
        self._lock = threading.Lock()

    def as_(self, role: str) -> Client:
        """The demo account of this role, with a token for some minutes."""
        with self._lock:
            signed_in = self.signed_in.get(role)
            try:
                token = signed_in.token if signed_in else ""
            except ApiError:  # a clock that was moved by months has let the session run out
                token = ""
            if not token:
                account = self.account(role)
                self.signed_in[role] = self.world.api.sign_in(account["phone"], password=account["password"])
                token = self.signed_in[role].token
            return Client(self.world.here.base_url, token)

    def account(self, role: str) -> dict[str, str]:
        """Phone and password of the account of this role, as the demo or `open` made it."""
        return next(a for a in self.world.data["accounts"] if (a["community"], a["role"]) == (self.slug, role))

    def appoint(self, *roles: str, **facts: Any) -> tuple[Client, str]:
        """Somebody who works here in these roles, signed in, and their id."""
        phone = invented_phone()
        asked = {"name": "演示职员", "phone": phone, "roles": list(roles)} | facts
        made = self.secretary.post(self.path("/workers"), asked)
        for role in made["proposed"]:
            self.as_("street_officer").post(self.path(f"/workers/{made['id']}/roles/{role}/confirm"))
        return self.world.demo.activate(asked["phone"]), str(made["id"])

    @property
    def worker(self) -> Client:
        return self.as_("worker")

    @property
    def resident(self) -> Client:
        return self.as_("resident")

    @property
    def secretary(self) -> Client:
        return self.as_("secretary")

    def path(self, rest: str) -> str:
        """A path in this community."""
        return f"/{self.slug}{rest}"

    def room(self, **facts: Any) -> dict[str, Any]:
        """A new room, open every day from 08:00 to 22:00."""
        hours = {day: [["08:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
        asked = {"name": f"房间{uuid.uuid4().hex[:6]}", "use": "meeting", "capacity": 10, "hours": hours, "slot": 60} | facts
        return dict(self.secretary.post(self.path("/rooms"), asked))

    def register(self, **facts: Any) -> dict[str, Any]:
        """A new resident."""
        return dict(self.worker.post(self.path("/residents"), {"name": "王测试", "consent": True} | facts))

    def person(self, **facts: Any) -> tuple[Client, dict[str, Any]]:
        """A new resident, signed in, and their record."""
        phone = invented_phone()
        made = self.register(**({"phone": phone} | facts))
        return self.world.demo.activate(facts.get("phone", phone)), made

    def id_of(self, role: str) -> str:
        """The person id behind the demo account of this role."""
        part = str(self.as_(role).token).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["communities"][self.slug]["id"])

    def programme(self, day: datetime, minutes: int = 60, room: str | None = None, **facts: Any) -> dict[str, Any]:
        """A programme of one date, published by a worker; the reply as it is kept, with its `session` once it is open."""
        end = day + timedelta(minutes=minutes)
        asked: dict[str, Any] = {
            "kind": "activity",
            "title": f"活动{uuid.uuid4().hex[:4]}",
            "rule": "FREQ=DAILY;COUNT=1",
            "capacity": 8,
            "first": day.date().isoformat(),
            "begins": f"{day:%H:%M}",
            "finishes": f"{end:%H:%M}",
        }
        asked |= facts
        if asked["kind"] not in ("counter", "meal", "visit"):
            asked["room_id"] = room or self.room(capacity=500)["id"]
        made = dict(self.worker.post(self.path("/programmes"), asked))
        found = self.opened(made["id"])
        return made | {"session": found[0]["id"], "sessions": found}

    def opened(self, programme: str) -> list[dict[str, Any]]:
        """A programme's sessions, once all that is held for it is open."""
        held = {"programme_id": programme, "state": "held"}
        self.world.until(lambda: not self.world.mongo["bookings"]["uses"].count_documents(held), what="the sessions")
        return self.sessions(programme)

    def sessions(self, programme: str) -> list[dict[str, Any]]:
        """A programme's sessions that are open."""
        return list(self.worker.get(self.path(f"/sessions?programme_id={programme}&limit=200"))["items"])

    def take(self, session: str, resident: str = "", client: Client | None = None, key: str = "") -> requests.Response:
        """A place asked for; the reply as it is."""
        body = {"resident_id": resident} if resident else {}
        return (client or self.worker).call("POST", self.path(f"/sessions/{session}/places"), body, key=key)

    def told(self, person: str, template: str = "") -> list[dict[str, Any]]:
        """What the inbox of this person got, newest first; all of it, for scenarios that moved the clock left much behind."""
        found = self.worker.pages(self.path(f"/deliveries?recipient={person}&channel=inbox"))
        return [d for d in found if template in ("", d["template"])]

    def inbox(self, who: Client, template: str = "") -> list[dict[str, Any]]:
        """What somebody finds in their own inbox, newest first: also what nobody else sees of it."""
        found = who.pages(self.path("/inbox"))
        return [m for m in found if template in ("", m["template"])]

    def reserve(self, client: Client, room: str, start: datetime, hours: float = 1, **more: Any) -> requests.Response:
        """A reservation asked for; the reply as it is."""
        key = more.pop("key", "")
        body = {"room_id": room, "start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}
        return client.call("POST", self.path("/reservations"), body | {"purpose": "排练"} | more, key=key)


@contextmanager
def spare_replica(world: World, service: str, **settings: str) -> Iterator[str]:
    """One more replica of a service, with settings of its own, past the edge: its address."""
    port = free_ports(1)[0]
    file = world.here.path("env", f"{service}-0.sh")
    own = " ".join(f"{name}={value}" for name, value in settings.items())
    command = f". {file} && LINLI_LISTEN=127.0.0.1:{port} {own} exec {sys.executable} -m shared.runtime.runner {service}"
    with world.here.path("logs", f"{service}-{port}.log").open("wb") as out:
        process = subprocess.Popen(["/bin/sh", "-c", command], stdout=out, stderr=out)
    base = f"http://127.0.0.1:{port}"

    def up() -> bool:
        try:
            return requests.get(f"{base}/readyz", timeout=2).ok
        except requests.ConnectionError:
            return False

    try:
        world.until(up, what="the replica")
        yield base
    finally:
        process.terminate()
        process.wait(30)


def tomorrow(hour: int, minute: int = 0, days: int = 1) -> datetime:
    """A time of tomorrow (or later) on the communities' wall clock."""
    day: date = datetime.now(SHANGHAI).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def invented_phone() -> str:
    """A phone number nobody has."""
    return f"+86136{random.SystemRandom().randrange(10**8):08d}"
