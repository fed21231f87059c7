"""What the doctor finds on a system that is well, and on one that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from amqp import Message
from kombu import Connection

from ops.services import SERVICES
from tests.system.world import World


def looked(world: World, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Its exit status, and its findings by part."""
    done = world.linli("doctor", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, {row["part"]: row for row in json.loads(done.stdout)}


def bad(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {part: row["do"] for part, row in found.items() if row["state"] == "bad"}


def test_a_system_that_is_well_is_found_well(world: World, tmp_path: Path) -> None:
    world.linli("backup", str(tmp_path), LINLI_BACKUP_PASSPHRASE="long enough, kept elsewhere")
    status, found = looked(world, "--backups", str(tmp_path))
    assert (status, bad(found)) == (0, {})
    for service in SERVICES:
        for part in ("edge → {}", "rights of {}", "inbox of {}", "outbox of {}", "timers of {}"):
            assert found[part.format(service)]["state"] == "well", part
    assert found["clock of database"]["state"] == found["clock of edge"]["state"] == "well"
    assert found["database"]["do"].startswith("a lost disk is a lost database")
    assert "RabbitMQ" in found["broker"]["found"]


def test_what_is_not_well_is_found_with_what_to_do(world: World, tmp_path: Path) -> None:
    residents: Any = world.mongo["residents"]["residents"]
    index = next(name for name in residents.index_information() if name.startswith("community_1_find"))
    secrets = world.here.secrets_file
    with Connection(world.here.amqp("notifications"), transport_options={"confirm_publish": True}) as connection:
        broken = Message(b"{", content_type="application/json", delivery_mode=2, message_id="for-the-doctor")
        connection.channel().basic_publish(broken, exchange="notifications.retry", routing_key="inbox")
    world.until(lambda: "for-the-doctor" in world.linli("parked", "list", "--json").stdout, what="it to be parked")
    residents.drop_index(index)
    secrets.chmod(0o644)
    world.stack.stop("notifications-0")
    try:
        status, found = looked(world, "--backups", str(tmp_path))
        assert status == 1
        assert bad(found) == {
            "secrets": f"chmod 600 {secrets}",
            "edge → notifications": "see that notifications runs, and its log",
            "inbox of notifications": "see that notifications runs",
            "indexes": "linli migrate run",
            "backup": f"linli backup {tmp_path}, every night",
        }
        assert found["parked by notifications"]["do"] == "linli parked list"
    finally:
        world.stack.start("notifications-0")
        secrets.chmod(0o600)
        assert world.linli("migrate", "run").returncode == 0
        world.linli("parked", "drop", "for-the-doctor", "--yes")
        world.until(lambda: not world.stack.not_ready(), what="all to be ready")
    assert bad(looked(world)[1]) == {}


def test_parts_that_are_away_are_said_to_be_and_the_others_are_looked_at(world: World) -> None:
    world.stack.stop("broker")
    try:
        status, found = looked(world)
        assert status == 1
        assert {"broker", "queues"} <= bad(found).keys()
        assert found["database"]["state"] != "bad"
    finally:
        world.stack.start("broker")
        world.until(lambda: not world.stack.not_ready(), what="all to be ready")
        world.settle(120)
