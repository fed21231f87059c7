"""Two replicas write the same hot document; and pymongo under eventlet keeps the promises that the services rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
REPLICA = """
import eventlet; eventlet.monkey_patch()
import json, sys
from shared.calls import Call
from shared.security.privacy import PlainVault
from shared.storage.store import Store
from shared.runtime.testing import Collector
from tests.store.seats import KIND, NOW, Session, backend_of, seat
uri, database, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(KIND, backend_of(uri, database), Collector(), PlainVault())
def take(n):
    try:
        return store.change(Call(community="lijing", at=NOW), "hot", seat, str(n)).taken.index(str(n))
    except Exception as error:
        return repr(error)
print("ready", flush=True)
sys.stdin.readline()
pool = eventlet.GreenPool(100)
print(json.dumps(list(pool.imap(take, range(first, first + 100)))))
"""


def test_200_takers_through_two_replicas_are_each_told_the_truth(database: Any) -> None:
    from shared.calls import Call
    from shared.runtime.testing import Collector
    from shared.security.privacy import PlainVault
    from shared.storage.store import Store
    from tests.store.seats import KIND, NOW, Session, backend_of

    backend = backend_of(database.uri, "replicas")
    backend.prepare()
    store: Store[Session] = Store(KIND, backend, Collector(), PlainVault())
    store.create_all([(Call(community="lijing", at=NOW), Session(id="hot", claims=["hot"]), [])])
    command = [sys.executable, "-W", "ignore", "-c", REPLICA, database.uri, "replicas"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    replicas = [subprocess.Popen([*command, str(first)], **pipes) for first in (0, 100)]
    try:
        for replica in replicas:
            assert replica.stdout.readline() == "ready\n"
        for replica in replicas:
            replica.stdin.write("go\n")
            replica.stdin.flush()
        places = [place for replica in replicas for place in json.loads(replica.communicate(timeout=60)[0])]
    finally:
        for replica in replicas:
            replica.kill()
    assert sorted(places) == list(range(200))
    assert store.get(Call(community="lijing", at=NOW), "hot").version == 201


EVENTLET = """
import eventlet; eventlet.monkey_patch()
import json, sys, time
from pymongo import MongoClient
from pymongo.errors import PyMongoError
client = MongoClient(sys.argv[1], timeoutMS=3000, maxPoolSize=10)
rows = client.compatibility.rows
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic()); eventlet.sleep(0.005)
eventlet.spawn(tick)
started = time.monotonic()
pool = eventlet.GreenPool(50)
def work(n):
    rows.insert_one({"_id": n}); return rows.find_one({"_id": n})["_id"]
done = list(pool.imap(work, range(500)))
longest = max(b - a for a, b in zip(ticks, ticks[1:]))
print(json.dumps({"done": len(set(done)), "longest": longest}), flush=True)
sys.stdin.readline()
failed = 0
try:
    rows.find_one({"_id": 1})
except PyMongoError as error:
    failed = 1
ticking = len(ticks)
print(json.dumps({"failed": failed}), flush=True)
sys.stdin.readline()
def again():
    end = time.monotonic() + 15
    while True:
        try:
            return rows.count_documents({})
        except PyMongoError:
            if time.monotonic() > end: raise
            eventlet.sleep(0.1)
print(json.dumps({"count": again(), "ticked": len(ticks) - ticking}), flush=True)
"""


def test_pymongo_yields_under_eventlet_and_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    from tests.conftest import Database

    database = Database(tmp_path)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", EVENTLET, database.uri], **pipes)
    try:
        first = json.loads(process.stdout.readline())
        assert first["done"] == 500
        assert first["longest"] < 0.5, "the hub stood still while the driver waited"
        database.kill()
        process.stdin.write("\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["failed"] == 1
        database.start()
        process.stdin.write("\n")
        process.stdin.flush()
        last = json.loads(process.stdout.readline())
        assert last["count"] == 500
        assert last["ticked"] > 0
    finally:
        process.kill()
        process.wait()
        database.stop()


SRV = """
import eventlet; eventlet.monkey_patch()
import sys
from shared.storage.mongo import connect
client = connect(sys.argv[1], 3)
client.admin.command("ping")
print(client._topology._srv_monitor)
"""


def test_no_name_is_looked_up_behind_the_hub(database: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SRV, database.uri],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "None"


def test_a_uri_that_needs_srv_is_refused_at_start() -> None:
    environ = {"PATH": "/usr/bin:/bin", "LINLI_MONGO_URI": "mongodb+srv://cluster.example/bookings"}
    command = [sys.executable, "-m", "shared.runtime.runner", "bookings"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=60, check=False)
    assert done.returncode != 0
    assert "LINLI_MONGO_URI" in done.stderr and "mongodb+srv is not supported" in done.stderr
