"""The chain of acts under load and kill -9, and linli audit verify as an operator uses it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ops.audit import Auditor
from tests.system.petitioning import filed, in_the_chain
from tests.system.world import Community, World

ACTS, RECORDS, CALLERS = 5_000, 500, 12
ADDED = 5  # to each record; the other acts on it are its filing, its withdrawal and readings


def linli(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ops", "--dir", str(world.here.folder), *arguments]
    environ = os.environ | {k: v for k, v in world.here.environ.items() if k.startswith("LINLI_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environ)


def test_five_thousand_acts_while_the_writer_is_killed_leave_one_whole_chain(world: World, shengtaiyuan: Community) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        ids = list(pool.map(lambda _: filed(shengtaiyuan, shengtaiyuan.worker)["id"], range(RECORDS)))
    worker, done, killed, over = shengtaiyuan.worker, [0], [0], threading.Event()

    def act(n: int, verb: str, **body: Any) -> None:
        key, path = str(uuid.uuid4()), shengtaiyuan.path(f"/petitions/{ids[n % RECORDS]}{verb}")
        end = time.monotonic() + 90
        while True:
            assert time.monotonic() < end, "it was never taken"
            reply = worker.call("POST", path, body, key=key) if verb else worker.call("GET", path)
            if reply.status_code == 200:
                done[0] += 1
                return
            assert reply.status_code in (409, 503), reply.text

    def kill() -> None:
        chance = random.Random(7)
        for n in range(6):
            mark = done[0] + chance.randrange(300, 700)
            world.until(lambda mark=mark: done[0] >= mark or over.is_set(), 200, "some acts")
            if over.is_set():
                return
            if n % 2:
                os.kill(world.stack.pid(f"petitions-{chance.randrange(2)}"), signal.SIGKILL)
            else:
                trap = world.arm("petitions.appended")
                world.until(lambda trap=trap: not trap.exists() or over.is_set(), 60, "the writer to die")
                trap.unlink(missing_ok=True)
            killed[0] += 1
            world.until(lambda: not world.stack.not_ready(), 60, "the replica to come back")

    with ThreadPoolExecutor(CALLERS + 1) as pool:
        killer = pool.submit(kill)
        # To read a case is an act as well: whoever answers writes it, beside the writer of what was saved with its record.
        asked = [("/supplement", {"text": "补充", "internal": True})] * ADDED + [("", {})] * (ACTS // RECORDS - 2 - ADDED)
        # Side by side are different records and both kinds; each record gets each of them.
        turns = [(n, *asked[(n + n // RECORDS) % len(asked)]) for n in range(RECORDS * len(asked))]
        for outcome in [pool.submit(act, n, verb, **body) for n, verb, body in turns]:
            outcome.result(400)
        # No clock of theirs shall run, and be told of, in the scenarios that come after.
        for outcome in [pool.submit(act, n, "/withdraw", reason="已解决") for n in range(RECORDS)]:
            outcome.result(400)
        over.set()
        killer.result(120)
    assert killed[0] >= 4
    in_the_chain(world)
    chain = list(world.mongo["petitions"]["audit"].find({"community": "shengtaiyuan"}).sort("n", 1))
    assert [entry["n"] for entry in chain] == list(range(1, len(chain) + 1))
    keys = [entry["key"] for entry in chain]
    assert len(keys) == len(set(keys))
    documents = list(world.mongo["petitions"]["petitions"].find({"_id": {"$in": ids}, "community": "shengtaiyuan"}))
    assert len(documents) == RECORDS
    for document in documents:
        expected = {f"petitions/{document['_id']}/{n}" for n in range(1, document["trail"] + 1)}
        assert expected <= set(keys)
        assert document["trail"] == document["version"]
        events = Counter(entry["act"] for entry in chain if document["_id"] in entry["subjects"])
        # A reader whose reply was lost came again, and read twice.
        assert events.pop("petition_read") >= ACTS // RECORDS - 2 - ADDED
        assert events == {"petition_filed": 1, "petition_supplemented": ADDED, "petition_withdrawn": 1}
    checked = Auditor(world.here, "petitions").verify("shengtaiyuan", records=True)
    assert checked["findings"] == []
    assert checked["signed"] >= 100


def test_linli_audit_verify_finds_what_was_tampered_with_and_where(world: World, lijing: Community) -> None:
    for _ in range(5):
        filed(lijing, lijing.worker)
    in_the_chain(world)
    whole = linli(world, "audit", "verify", "--service", "petitions", "--community", "lijing", "--json")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert [row["finding"] for row in json.loads(whole.stdout)] == ["whole"]
    chain, petitions = world.mongo["petitions"]["audit"], world.mongo["petitions"]["petitions"]
    entry = chain.find_one({"community": "lijing", "n": 2})
    case = petitions.find_one({"community": "lijing"}, sort=[("born", -1)])
    assert entry is not None
    assert case is not None
    chain.update_one({"_id": entry["_id"]}, {"$set": {"act": "nothing"}})
    petitions.update_one({"_id": case["_id"], "community": "lijing"}, {"$set": {"grid": "another"}})
    try:
        found = linli(world, "audit", "verify", "--service", "petitions", "--community", "lijing", "--json")
    finally:
        chain.update_one({"_id": entry["_id"]}, {"$set": {"act": entry["act"]}})
        petitions.update_one({"_id": case["_id"], "community": "lijing"}, {"$set": {"grid": case["grid"]}})
    assert found.returncode == 1
    rows: list[dict[str, Any]] = json.loads(found.stdout)
    assert {(row["at"], row["finding"].partition(":")[0]) for row in rows} >= {(2, "changed")}
    assert any(case["_id"] in row["finding"] for row in rows)
    table = linli(world, "audit", "verify", "--service", "petitions")
    assert "whole" in table.stdout
    assert "Cut off behind" in table.stdout


def test_the_chain_names_no_petitioner(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.resident, sealed=True, petitioners=[])["id"]
    lijing.resident.get(lijing.path(f"/petitions/{id}"))
    lijing.resident.call("POST", lijing.path(f"/petitions/{id}/supplement"), {"text": "补充"})
    in_the_chain(world)
    entries = list(world.mongo["petitions"]["audit"].find({"community": "lijing", "subjects": id}))
    assert {e["act"] for e in entries} == {"petition_filed", "petition_supplemented", "changed"}  # the last: its seal was made
    assert lijing.id_of("resident") not in str(entries)


def test_the_acts_on_a_case_are_read_by_those_who_may_know_of_it(world: World, lijing: Community) -> None:
    id = filed(lijing, lijing.worker)["id"]
    hidden = lijing.resident.post(lijing.path("/help-requests"), {"text": "想找人谈谈。"})["id"]
    in_the_chain(world)
    (filing,) = lijing.worker.get(lijing.path(f"/audit?case={id}"))["items"]
    assert (filing["act"], filing["actor"], filing["roles"]) == ("petition_filed", lijing.id_of("worker"), ["worker"])
    assert filing["hash"] == world.mongo["petitions"]["audit"].find_one({"_id": f"lijing:{filing['n']}"})["hash"]
    first, *rest = (a["act"] for a in lijing.as_("help_officer").get(lijing.path(f"/audit?case={hidden}"))["items"])
    # It is due on the next working day: later than half past eight the warning is due as well.
    assert (first, set(rest) <= {"deadline_near"}) == ("help_requested", True)
    for who, case in ((lijing.secretary, hidden), (lijing.as_("help_officer"), id), (lijing.worker, "nothing")):
        assert who.call("GET", lijing.path(f"/audit?case={case}")).status_code == 404
