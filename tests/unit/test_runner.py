"""A process of a service, before it is ready."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.client import until
from ops.settings import ROOT, Installation
from tests.system.world import free_ports

ALONE = ["unshare", "--pid", "--fork", "--kill-child"]


@pytest.mark.parametrize("as_process_1", [False, True])
def test_it_ends_at_once_when_it_is_told_to_while_it_waits_for_the_broker(tmp_path: Path, as_process_1: bool) -> None:
    # Not everybody may make a namespace of processes; there the other case has to say as much.
    as_process_1 = as_process_1 and subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
    ports = dict(zip(("LINLI_AMQP_PORT", "LINLI_MONGO_PORT"), map(str, free_ports(2)), strict=True))
    here = Installation.load(tmp_path, ports)
    here.make_secrets()
    environ = os.environ | here.service_environ("bookings", free_ports(1)[0]) | {"LINLI_LOG_LEVEL": "info"}
    command = [sys.executable, "-m", "shared.runtime.runner", "bookings"]
    shown = tmp_path / "log"
    with shown.open("w") as out:
        # Its own child: the first one of the namespace, to which the kernel gives no signal that it does not handle.
        before = ALONE if as_process_1 else []
        process = subprocess.Popen([*before, *command], env=environ, stdout=out, stderr=out, cwd=ROOT)
        try:
            until(lambda: "waiting_for_broker" in shown.read_text(), 30, "it to wait")
            pid = process.pid
            if as_process_1:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                pid = int(children[0])
            os.kill(pid, 15)
            assert process.wait(5) == 0
        finally:
            process.kill()
            process.wait()


def test_an_address_is_not_remembered() -> None:
    """A container that is started again may have another one, and Docker's name server says that one holds for ten minutes."""
    asked = (
        "import shared.runtime.runner; from eventlet.support import greendns;"
        "greendns.resolver.clear(); print(greendns.resolver._resolver.cache)"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "None"
