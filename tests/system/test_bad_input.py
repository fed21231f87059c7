"""Whatever comes in, no 5xx goes out, and every refusal says what is wrong and where."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ops.client import Client
from tests.system.world import Community, World, tomorrow

GOOD = {"name": "厅", "use": "hall", "capacity": 5, "hours": {"mon": [["09:00", "18:00"]]}}


def _post(community: Community, path: str, raw: bytes, **headers: str) -> requests.Response:
    client = community.secretary
    sent = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{client.base_url}/api/v1/{community.slug}{path}", data=raw, headers=sent, timeout=30)


@pytest.mark.parametrize(("raw", "status", "code", "field"), [
    (b"{", 400, "json_malformed", "body"),
    (b"", 400, "json_malformed", "body"),
    (b"[]", 422, "body_not_object", "body"),
    (b'"text"', 422, "body_not_object", "body"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "json_malformed", "body"),
    (b" " * 10_000_000, 413, "body_too_large", "body"),
    (json.dumps(GOOD | {"$where": "1"}).encode(), 422, "input_invalid", "$where"),
    (json.dumps(GOOD | {"hours": {"$gt": []}}).encode(), 422, "input_invalid", "hours.$gt.key"),
    (json.dumps(GOOD | {"capacity": "5"}).encode(), 422, "input_invalid", "capacity"),
    (json.dumps(GOOD | {"capacity": 10**30}).encode(), 422, "input_invalid", "capacity"),
    (json.dumps(GOOD | {"capacity": 1.5}).encode(), 422, "input_invalid", "capacity"),
    (json.dumps(GOOD | {"capacity": None}).encode(), 422, "input_invalid", "capacity"),
    (json.dumps(GOOD | {"name": {"x": 1}}).encode(), 422, "input_invalid", "name"),
    (json.dumps(GOOD | {"name": "a\x00b"}).encode(), 422, "text_invalid", "name"),
    (json.dumps(GOOD | {"name": "a\x07b"}).encode(), 422, "input_invalid", "name"),
    (b'{"name":"\\ud800"}', 400, "json_malformed", "body"),
    (json.dumps(GOOD | {"hours": {"mon": [["25:00", "26:00"]]}}).encode(), 422, "input_invalid", "hours.mon.value.0.0"),
    (json.dumps(GOOD | {"hours": {"mon": [["18:00", "09:00"]]}}).encode(), 422, "hours_invalid", "hours.mon"),
    (json.dumps(GOOD | {"exceptions": [{"date": "2026-02-30", "hours": [], "reason": "x"}]}).encode(), 422, "input_invalid",
     "exceptions.0.date"),
])  # fmt: skip
def test_a_body_that_cannot_be_is_refused_with_its_field(
    lijing: Community, raw: bytes, status: int, code: str, field: str
) -> None:
    reply = _post(lijing, "/rooms", raw)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert field in [error["field"] for error in reply.json()["errors"]]
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "start", ["2026-02-30T10:00:00+08:00", "2026-12-01T10:00:00", "soon", 5, None, "9999-12-31T23:59:00+08:00"]
)
def test_a_time_that_cannot_be_is_refused(lijing: Community, start: Any) -> None:
    body = {"room_id": lijing.room()["id"], "start": start, "end": tomorrow(10).isoformat(), "purpose": "x"}
    reply = lijing.resident.call("POST", "/lijing/reservations", body)
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["start"]


def _cut_off(world: World, service: str, client: Client, path: str, sent: bytes, **headers: str) -> bytes:
    """The reply to a body that is announced as longer than it comes, as when its sender dies or a proxy has used it up."""
    length = {} if "Transfer-Encoding" in headers else {"Content-Length": str(len(sent) + 2)}
    told = {"Host": "localhost", "Authorization": f"Bearer {client.token}"} | length | headers
    head = f"POST /api/v1{path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items())
    with socket.create_connection(("127.0.0.1", world.here.service_ports(service)[0]), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n" + sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_that_is_cut_off_does_nothing_and_its_repeat_finds_a_free_key(world: World, lijing: Community) -> None:
    person, key = lijing.resident, "cut-off-and-sent-again"
    feed = person.post(lijing.path("/feeds"), key="")["id"]
    path = lijing.path(f"/feeds/{feed}/revoke")
    reply = _cut_off(world, "bookings", person, path, b"", **{"Idempotency-Key": key})
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"body_incomplete"' in reply
    # Two spellings of nothing are one body.
    replies = [_empty(person, path, key, body) for body in (b"{}", b"", b"{}")]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    picture = {"Content-Type": "image/png", "Idempotency-Key": "half-a-picture-and-all-of-it"}
    half = _cut_off(world, "petitions", person, lijing.path("/attachments"), b"\x89PNG\r\n\x1a\n" + b"x" * 64, **picture)
    assert half.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"body_incomplete"' in half
    picture["Transfer-Encoding"] = "chunked"
    for sent in (b"5\r\nab", b"5\r\nabcde\r\n", b"zz\r\n"):
        part = _cut_off(world, "petitions", person, lijing.path("/attachments"), sent, **picture)
        assert part.startswith(b"HTTP/1.1 400 "), part
        assert b'"code":"body_incomplete"' in part


def _empty(person: Client, path: str, key: str, body: bytes) -> requests.Response:
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json", "Idempotency-Key": key}
    return requests.post(f"{person.base_url}/api/v1{path}", data=body, headers=headers, timeout=30)


def test_the_reply_to_head_is_a_head_alone(world: World) -> None:
    asked = [("HEAD", "/livez"), ("HEAD", "/nowhere"), ("HEAD", "/api/v1/communities"), ("GET", "/livez")]
    heads = [f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" for method, path in asked]
    with socket.create_connection(("127.0.0.1", world.here.service_ports("residents")[0]), timeout=20) as connection:
        connection.sendall(("\r\n".join(heads) + "Connection: close\r\n\r\n").encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    replies = [one.partition(b"\r\n\r\n") for one in reply.split(b"HTTP/1.1 ")[1:]]
    assert [(head[:3], body) for head, _, body in replies] == [(b"200", b""), (b"404", b""), (b"405", b""), (b"200", b"ok\n")]
    assert b"Content-Length: 3\r\n" in replies[0][0]


def test_headers_and_queries_that_cannot_be_are_refused(lijing: Community) -> None:
    good = json.dumps(GOOD).encode()
    assert _post(lijing, "/rooms", good, Content_Type="text/plain").json()["code"] == "content_type"
    assert _post(lijing, "/rooms", good, Idempotency_Key="short").json()["code"] == "idempotency_key_invalid"
    room = lijing.room()
    stale = lijing.secretary.call("PATCH", f"/lijing/rooms/{room['id']}", {"capacity": 9}, If_Match="W/1")
    assert stale.json()["errors"][0]["field"] == "If-Match"
    for query, field in (("limit=0", "limit"), ("limit=x", "limit"), ("other=1", "other"), ("after=!!", "after")):
        reply = lijing.resident.call("GET", f"/lijing/rooms?{query}")
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)
    assert lijing.resident.call("GET", f"/lijing/rooms/{room['id']}/availability?date=2026-13-01").status_code == 422
    assert lijing.resident.call("DELETE", "/lijing/rooms").status_code == 405


@pytest.mark.parametrize("token", ["x", "a.b", "..", "a.b.c.d", "\u00e9.x.y", "e30.e30.e30", "." * 4000])
def test_what_is_no_token_is_nobodys(lijing: Community, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    reply = requests.get(f"{lijing.resident.base_url}/api/v1/lijing/rooms", headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (401, "token_invalid")


def test_a_body_that_is_nested_deeper_than_anybody_reads_is_refused(lijing: Community) -> None:
    deep = b'{"a":' * 1020 + b'"\\u0000"' + b"}" * 1020
    reply = _post(lijing, "/rooms", deep)
    assert (reply.status_code, reply.json()["code"]) == (400, "json_malformed")


def test_what_is_given_out_has_a_name_that_is_one(lijing: Community) -> None:
    path = lijing.path(f"/rooms/{lijing.room(use='rest')['id']}/visits")
    for name in ("$gt", ".a", "a.b", "x\ny", "\u200b水"):
        reply = lijing.worker.call("POST", path, {"supplies": {name: 1}})
        assert reply.status_code == 422, name
        assert reply.json()["errors"][0]["field"].startswith("supplies"), name
    assert lijing.worker.call("POST", path, {"supplies": {"水": 1, "a$b": 2}}).status_code == 201


def test_a_name_has_one_line_and_nothing_that_nobody_sees(lijing: Community) -> None:
    for name in ("舞蹈室\nBcc: x@example.org", "舞\u200b室", "\u202e室"):
        reply = lijing.secretary.call("POST", lijing.path("/rooms"), GOOD | {"name": name})
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "name")


@pytest.fixture(scope="module")
def tokens(world: World) -> dict[str, str]:
    """Three people of a community that the fuzzer may wreck: it learns ids from replies, and uses them."""
    fuzzed, made = world.open("fuzzed"), {}
    for who in ("keeper", "staff"):
        made[who] = fuzzed.appoint(*sorted(ROLES[who]), name="试验员")[0].token
    made["secretary"] = fuzzed.secretary.token
    person, _ = fuzzed.person(name="试验人", email="fuzzed@fuzzed.example")
    return made | {"resident": person.token}


ROLES = {
    "secretary": {"secretary"},
    "keeper": {"secretary"},  # whose own session may end: they try what signs people in
    "staff": {"worker", "mediator", "court", "counsellor", "duty_lead", "police_liaison", "help_officer"},
    "resident": {"resident"},
}
# `make fuzz` goes through every boundary of every field, with ten times as many requests; each change is tried with some.
THOROUGH = os.environ.get("LINLI_FUZZ") == "thorough"
PHASES = "examples,coverage,fuzzing" if THOROUGH else "fuzzing"
# Who, inside a community or outside, which operations: those that staff may not call, all that these people may, or what
# signs people in; and how many requests are made up for each.
RUNS = [
    ("secretary", False, "all", 4), ("secretary", True, "own", 4), ("staff", True, "all", 4), ("resident", True, "own", 4),
    ("resident", True, "all", 1), ("keeper", None, "doors", 8),
]  # fmt: skip
Run = tuple[str, bool | None, str, int]
DOORS = re.compile("^/api/v1/(tokens|me|session|activations)(/|$)")


def _may(who: str, operation: dict[str, Any]) -> bool:
    return bool(ROLES[who] & set(operation.get("x-roles", ROLES[who])))


def _document(world: World, run: Run) -> dict[str, Any]:
    """The operations outside any community, or those of a run inside one."""
    who, inside, which, _ = run
    document = dict(requests.get(f"{world.here.base_url}/api/openapi.json", timeout=10).json())
    for path, operations in list(document["paths"].items()):
        document["paths"][path] = kept = {
            method: operation
            for method, operation in operations.items()
            if (which == "doors") == bool(DOORS.search(path))
            and inside in (None, "{community}" in path)
            and (not inside or (_may(who, operation) and not (which == "own" and _may("staff", operation))))
        }
        for operation in kept.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "community":
                    parameter["schema"] = {"enum": ["fuzzed"]}
    return document


def test_no_operation_is_left_out(world: World) -> None:
    def named(document: dict[str, Any]) -> set[str]:
        return {f"{method} {path}" for path, operations in document["paths"].items() for method in operations}

    fuzzed = set[str]().union(*(named(_document(world, run)) for run in RUNS if run[3] > 1))
    assert fuzzed == named(requests.get(f"{world.here.base_url}/api/openapi.json", timeout=10).json())


@pytest.fixture(scope="module")
def fuzzers(
    world: World, tokens: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Run, tuple[subprocess.Popen[bytes], Path]]]:
    """One schemathesis for each run, side by side: each waits for replies most of its time."""
    running = {}
    tables = tmp_path_factory.mktemp("hypothesis")
    for run in RUNS:
        folder = tmp_path_factory.mktemp("fuzz")
        (folder / "openapi.json").write_text(json.dumps(_document(world, run)))
        # One of those that a path does not have will do: the same code answers to all of them.
        (folder / "schemathesis.toml").write_text('[phases.coverage]\nunexpected-methods = ["delete"]\n')
        program = str(Path(sys.executable).parent / "schemathesis")
        command = [
            program,
            "run",
            str(folder / "openapi.json"),
            "--url",
            world.here.base_url,
            "--header",
            f"Authorization: Bearer {tokens[run[0]]}",
            # One worker: CPython 3.11's parser is not safe in threads where hypothesis reads sources.
            "--phases",
            PHASES,
            "--max-examples",
            str(run[3]),
            "--seed",
            "7",
            "--workers",
            "1",
            "--request-timeout",
            "20",
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--suppress-health-check",
            "all",
            "--no-color",
        ]
        environ = os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(tables)}
        with (folder / "output").open("wb") as out:
            running[run] = (subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=out), folder / "output")
        # Hypothesis works out which characters there are, for seconds, and keeps that for whoever comes next.
        world.until(lambda first=running[RUNS[0]][0]: any(tables.rglob("codec*")) or first.poll() is not None, 60, "its tables")
    yield running
    for process, _ in running.values():
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: "-".join(map(str, run[:3])))
def test_schemathesis_finds_no_5xx_and_every_reply_conforms(fuzzers: Any, run: Run) -> None:
    """Inside one community, as people who between them may call everything, each what they may call; outside, as anybody."""
    process, output = fuzzers[run]
    assert process.wait(900 if THOROUGH else 280) == 0, output.read_text(errors="replace")[-6000:]


@pytest.mark.parametrize("who", ["secretary", "staff", "resident"])
def test_those_who_were_let_in_still_are(world: World, fuzzers: Any, tokens: dict[str, str], who: str) -> None:
    """A fuzzer whose token ended would be refused at the door, and call that conforming."""
    assert all(process.poll() == 0 for process, _ in fuzzers.values())
    assert Client(world.here.base_url, tokens[who]).call("GET", "/fuzzed/rooms").status_code == 200
