"""The two demo communities, and the main job played through the public API. All people are invented."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from amqp.exceptions import AMQPError
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from ops.client import ApiError, Client, until
from ops.services import SERVICES
from ops.settings import Installation
from shared.rules.roles import GUARDIAN, RESIDENT, ROLES, SECRETARY, STREET_OFFICER, TECHNICAL, WORKER

COMMUNITIES = {
    "shengtaiyuan": {"name": "生态园社区", "district": "离石区", "street": "凤山街道"},
    "lijing": {"name": "丽景街社区", "district": "离石区", "street": "莲花池街道"},
}
WEEKDAY = [["08:30", "12:00"], ["12:00", "14:30"], ["14:30", "18:00"], ["18:00", "20:00"]]
WEEKEND = [["09:00", "12:00"], ["14:30", "17:00"]]
WHOLE = [["08:30", "20:00"]]
HALL = [["09:00", "21:00"]]


def _week(weekday: list[list[str]], saturday: list[list[str]], sunday: list[list[str]]) -> dict[str, list[list[str]]]:
    hours = {day: weekday for day in ("mon", "tue", "wed", "thu", "fri")}
    return hours | ({"sat": saturday} if saturday else {}) | ({"sun": sunday} if sunday else {})


ROOMS: dict[str, list[tuple[str, str, int]]] = {
    "shengtaiyuan": [
        ("便民大厅", "counter", 30), ("智慧金融服务区", "counter", 4), ("微法庭", "court", 16),
        ("信访工作站", "mediation", 4),
        ("棋牌室", "leisure", 24), ("养老照料室", "care", 20), ("老年餐厅", "dining", 40),
    ],
    "lijing": [
        ("多功能厅", "hall", 60), ("休闲娱乐健身活动中心", "leisure", 40),
        ("党员教育中心", "class", 40), ("妇女之家", "counselling", 12),
        ("红色影院", "cinema", 40), ("图书阅览室", "library", 30), ("书记会客厅", "meeting", 12),
        ("心理咨询室", "counselling", 12),
        ("老兵驿站", "meeting", 20), ("民警之家", "mediation", 12),
        ("环卫工人之家", "rest", 12), ("出租车司机之家", "rest", 16),
    ],
}  # fmt: skip

PROGRAMMES: dict[str, list[tuple[str, str, str, str, str, int]]] = {
    "shengtaiyuan": [
        ("activity", "象棋", "棋牌室", "14:30", "16:30", 24),
        ("meal", "午餐", "", "11:30", "12:30", 40),
    ],
    "lijing": [
        ("after_school", "四点半课堂", "多功能厅", "16:30", "18:30", 60),
        ("club", "广场舞", "多功能厅", "19:00", "20:30", 60),
    ],
}


class Demo:
    """Loads the demo data once, and plays the main job as often as asked."""

    def __init__(self, installation: Installation, say: Callable[[str], None]) -> None:
        self._here, self._say = installation, say
        self._api = Client(installation.base_url, patience=30)  # a service may not have heard of a new community yet

    @property
    def file(self) -> Path:
        """What people and tests read: addresses and accounts."""
        return self._here.path("demo.json")

    # -- loading

    def load(self) -> dict[str, Any]:
        """The demo data, loaded if it is not there yet; the contents of demo.json."""
        if not self._here.path("demo-loaded.json").exists():
            self._say("loading the two demo communities")
            accounts = self._load()
            self._here.path("demo-loaded.json").write_text(json.dumps(accounts))
        accounts = json.loads(self._here.path("demo-loaded.json").read_text())
        people = [account for account in accounts if account["community"] != "_"]
        if not self._opens(people[0]):
            self._activate(people, 0)
        made = {"base_url": self._here.base_url, "amqp": self._here.amqp("demo"), "accounts": accounts}
        self.file.write_text(json.dumps(made, indent=1, ensure_ascii=False))
        self.file.chmod(0o600)
        return made

    def _load(self) -> list[dict[str, str]]:
        own = self._here.operator
        operator = self._api.sign_in(own["phone"], password=own["password"], community="_")
        accounts = [{"community": "_", "role": "operator", **own}]
        present = {item["slug"] for item in operator.pages("/communities")}
        for n, (slug, facts) in enumerate(COMMUNITIES.items(), start=1):
            if slug not in present:
                operator.post("/communities", {"slug": slug, **facts})
            since = time.time()
            first = self._first(operator, slug, n)
            secretary, street = (self._as(first, slug, role) for role in (SECRETARY, STREET_OFFICER))
            technical = self._api.sign_in(own["phone"], password=own["password"], community=slug)
            staff = self._staff(secretary, street, technical, slug, n)
            people = self._residents(secretary, slug, n)
            self._activate(staff + people, since)
            accounts += first + staff + people
            rooms = self._rooms(secretary, slug)
            self._programmes(self._as(staff, slug, WORKER), slug, rooms)
        return accounts

    def _as(self, accounts: list[dict[str, str]], slug: str, role: str) -> Client:
        account = next(a for a in accounts if (a["community"], a["role"]) == (slug, role))
        return self._api.sign_in(account["phone"], password=account["password"])

    def _account(self, slug: str, n: int, role: str) -> dict[str, str]:
        number = f"+8613{8 if role in (RESIDENT, GUARDIAN) else 9}{n:02d}00{list(ROLES).index(role):04d}"
        return {"community": slug, "role": role, "phone": number, "password": f"demo-{slug}-{role}"}

    def _first(self, operator: Client, slug: str, n: int) -> list[dict[str, str]]:
        """The first people of a community, who appoint the others."""
        since, made = time.time(), [self._account(slug, n, role) for role in (SECRETARY, STREET_OFFICER)]
        facts = {
            a["role"]: {"name": f"演示{a['role']}", "phone": a["phone"], "email": f"{a['role']}@{slug}.example"} for a in made
        }
        operator.post(f"/communities/{slug}/first-people", facts)
        self._activate(made, since)
        return made

    def _staff(self, secretary: Client, street: Client, operator: Client, slug: str, n: int) -> list[dict[str, str]]:
        """One for every other role: technical ones from the operator, all others from the secretary; what sees secrets is
        confirmed by the street officer."""
        made = []
        for role in (r for r in ROLES if r not in (RESIDENT, GUARDIAN, SECRETARY, STREET_OFFICER)):
            account = self._account(slug, n, role)
            facts = {"name": f"演示{role}", "phone": account["phone"], "roles": [role], "email": f"{role}@{slug}.example"}
            giver = operator if role in TECHNICAL else secretary
            worker = giver.post(f"/{slug}/workers", facts, key=f"demo-{slug}-{role}")
            if role in worker["proposed"]:
                street.post(f"/{slug}/workers/{worker['id']}/roles/{role}/confirm", key=f"demo-{slug}-{role}-confirmed")
            made.append(account)
        return made

    def _activate(self, accounts: list[dict[str, str]], since: float) -> None:
        """Enter the code that each of them got as a text message, with a password."""
        for account in accounts:
            self.activate(account["phone"], since, account["password"])

    def _opens(self, account: dict[str, str]) -> bool:
        """Whether it opens anything: an upgrade has asked everybody in anew."""
        body = {name: account[name] for name in ("phone", "password")}
        return self._api.call("POST", "/tokens", body).status_code != 401

    def activate(self, phone: str, since: float = 0, password: str = "") -> Client:
        """Read the activation code that came to a phone, and enter it; the client that is signed in by that."""
        code = self.code_to(phone, since, 8)
        return self._api.activate(phone, code, **({"password": password} if password else {}))

    def _rooms(self, secretary: Client, slug: str) -> dict[str, str]:
        made = {}
        for name, use, capacity in ROOMS[slug]:
            hours = (
                _week(HALL, HALL, HALL) if use == "hall" else _week(WHOLE, WEEKEND, [] if slug == "shengtaiyuan" else WEEKEND)
            )
            if use == "counter":
                hours = _week(WEEKDAY, WEEKEND, WEEKEND)
            facts = {"name": name, "use": use, "capacity": capacity, "hours": hours, "slot": 30}
            made[name] = secretary.post(f"/{slug}/rooms", facts, key=f"demo-{slug}-{name}".encode().hex())["id"]
        return made

    def _programmes(self, worker: Client, slug: str, rooms: dict[str, str]) -> None:
        """What goes on in the rooms for the next weeks."""
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        first, last = today + timedelta(days=1), today + timedelta(days=28)
        for kind, title, room, begins, finishes, capacity in PROGRAMMES[slug]:
            facts: dict[str, Any] = {
                "kind": kind,
                "title": title,
                "rule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
                "first": first.isoformat(),
                "last": last.isoformat(),
                "begins": begins,
                "finishes": finishes,
                "capacity": capacity,
                "on_holidays": False,
            }
            facts |= {"room_id": rooms[room]} if room else {}
            worker.post(f"/{slug}/programmes", facts, key=f"demo-{slug}-{title}".encode().hex())

    def _residents(self, worker: Client, slug: str, n: int) -> list[dict[str, str]]:
        made, ids = [], {}
        for role, name in {RESIDENT: "演示居民", GUARDIAN: "演示家长"}.items():
            account = self._account(slug, n, role)
            facts = {"name": name, "phone": account["phone"], "email": f"{role}@{slug}.example", "consent": True}
            ids[role] = worker.post(f"/{slug}/residents", facts, key=f"demo-{slug}-{role}")["id"]
            made.append(account)
        child = {"name": "演示孩子", "birth_date": "2018-03-01", "groups": ["child"], "consent": True}
        child_id = worker.post(f"/{slug}/residents", child, key=f"demo-{slug}-child")["id"]
        worker.post(f"/{slug}/residents/{child_id}/guardians", {"guardian_id": ids[GUARDIAN]}, key=f"demo-{slug}-link")
        return made

    def sign_in_by_code(self, phone: str) -> Client:
        """Ask for a code, read it in the text message, sign in."""
        since = time.time()
        self._api.post("/tokens/codes", {"phone": phone}, key="")
        return self._api.sign_in(phone, code=self.code_to(phone, since))

    def code_to(self, phone: str, since: float, length: int = 6) -> str:
        """The newest code of so many digits that came to a phone by text message after a time, as soon as it is there."""
        a_code = rf"\n\n(?s:.*)\b\d{{{length}}}\b"
        text = until(lambda: self._newest("sms", "*.txt", phone, since, a_code), what=f"a text message to {phone} with a code")
        return code_in(text, length)

    def text_to(self, phone: str, since: float = 0) -> str:
        """The newest text message to a phone that came after a time, or ""."""
        return self._newest("sms", "*.txt", phone, since)

    def mail_to(self, address: str, since: float, containing: str = "") -> str:
        """The newest mail to an address that came after a time, or ""."""
        return self._newest("mail", "*.eml", address, since, re.escape(containing))

    def _newest(self, folder: str, files: str, to: str, since: float, containing: str = "") -> str:
        for file in sorted(self._here.path(folder, "").glob(files), reverse=True):
            if float(file.name.split("-")[0]) < since:
                break
            text = file.read_text()
            if f"To: {to}\n" in text and re.search(containing, text, re.ASCII):
                return text
        return ""

    # -- the main job

    def play(self) -> bool:
        """A worker registers a resident, who signs in, books a room and is told. Prints each step; True if all went well."""
        data = json.loads(self.file.read_text())
        slug = "lijing"
        with Listener(data["amqp"]) as heard:
            try:
                self._play(data, slug, heard)
            except (ApiError, TimeoutError, StopIteration) as error:
                self._say(f"  failed: {error or type(error).__name__}")
                return False
        return True

    def _play(self, data: dict[str, Any], slug: str, heard: Listener) -> None:
        worker = self._as(data["accounts"], slug, "worker")
        number = f"{random.SystemRandom().randrange(10**8):08d}"
        phone, address = f"+86137{number}", f"r{number}@{slug}.example"
        started = time.time()
        facts = {"name": "李演示", "phone": phone, "email": address, "consent": True}
        resident = worker.post(f"/{slug}/residents", facts)
        self._step("a worker registers a resident", heard.wait("resident_registered", resident["id"]), started)

        person = self.activate(phone, started)
        where = self._here.path("sms", "")
        self._step(f"the resident enters the activation code from the text message, in {where}", {}, started)

        started = time.time()
        person = self.sign_in_by_code(phone)
        self._step("the resident signs in with a code from a text message", {}, started)

        hall = next(r for r in person.get(f"/{slug}/rooms")["items"] if r["use"] == "hall")
        slot = self._free_slot(person, slug, hall["id"])
        started = time.time()
        booking = {"room_id": hall["id"], "start": slot["start"], "end": slot["end"], "purpose": "排练"}
        reservation = person.post(f"/{slug}/reservations", booking)
        event = heard.wait("reservation_confirmed", reservation["id"])
        self._step(f"the resident books {hall['name']}, {slot['start']}", event, started)

        message = until(lambda: person.get(f"/{slug}/inbox")["items"], what="the message in the inbox")[0]
        self._step(f"the inbox says: {message['text']}", {"id": message["event_id"]}, started)
        until(lambda: self.mail_to(address, started, message["text"][:5]), what="the mail")
        self._step(f"the mail is there, in {self._here.path('mail', '')}", {"id": message["event_id"]}, started)

    def _free_slot(self, person: Client, slug: str, room: str) -> dict[str, Any]:
        for day in range(1, 170):
            date = (datetime.now() + timedelta(days=day)).date().isoformat()
            slots = person.get(f"/{slug}/rooms/{room}/availability?date={date}")["slots"]
            if free := [slot for slot in slots if slot["available"]]:
                return dict(free[0])
        raise StopIteration("no free slot in half a year")

    def _step(self, what: str, event: dict[str, Any], started: float) -> None:
        """One line of what was done, and one of what was heard of it outside; of accounts nothing is."""
        took = (event.get("heard", time.time()) - started) * 1000
        heard = f"event {event['id']}" if event else "no event that outsiders hear"
        self._say(f"  {what}\n      {heard} · {took:.0f} ms")


def code_in(message: str, length: int = 6) -> str:
    """The digits of a code in a message's text."""
    return str(re.findall(rf"\b\d{{{length}}}\b", message.partition("\n\n")[2], re.ASCII)[0])


class Listener:
    """Hears every event of every service, as an outside subscriber would. Its queue goes when it goes."""

    def __init__(self, amqp: str) -> None:
        self._amqp, self.queue = amqp, f"demo.{random.SystemRandom().randrange(10**12)}"
        self.events: list[dict[str, Any]] = []
        self._named: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        if not self._ready.wait(15):
            raise TimeoutError("the demo subscriber could not connect")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Connection(self._amqp, connect_timeout=3) as connection:
                    self._listen(connection)
            except (AMQPError, OperationalError, OSError):
                self._stop.wait(0.3)

    def _listen(self, connection: Connection) -> None:
        queue = Queue(self.queue, durable=True)(connection.channel())
        queue.queue_declare()
        for service in SERVICES:
            queue.bind_to(f"{service}.events", routing_key="#")
        with connection.Consumer([queue], on_message=self._on_message):
            self._ready.set()
            while not self._stop.is_set():
                try:
                    connection.drain_events(timeout=0.5)
                except TimeoutError:
                    continue
        queue.delete()

    def _on_message(self, message: Any) -> None:
        message.ack()
        headers = message.headers
        try:
            body = json.loads(message.body)
        except ValueError:
            return  # no event of ours: a listener in the outside world reads over it
        if "cloudEvents:type" not in headers or "cloudEvents:id" not in headers:
            return
        event = {
            "id": headers["cloudEvents:id"],
            "name": headers["cloudEvents:type"].rpartition(".")[2],
            "subject": headers["cloudEvents:subject"],
            "body": body,
            "headers": headers,
            "heard": time.time(),
        }
        self.events.append(event)
        self._named[event["name"]].append(event)

    def named(self, name: str) -> list[dict[str, Any]]:
        """The events of this name so far, as often as they came."""
        return list(self._named.get(name, ()))

    def wait(self, name: str, subject: str) -> dict[str, Any]:
        """The first event of this name (about this subject) that was heard."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.named(name) if subject in ("", e["subject"])), None)

        event: dict[str, Any] = until(found, what=f"the event {name}")
        return event
