"""A Docker engine for tests: in a network namespace of its own, so that nothing outside sees it; gone afterwards."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ops.client import until

T = TypeVar("T")
NEW_NETWORK = 0x40000000  # CLONE_NEWNET of setns(2)
# In the namespace: the loopback device, then the engine itself. Whatever works in it gets bounds of its own.
START = """
ip link set lo up
exec dockerd -H unix://{folder}/docker.sock --data-root {data} --exec-root {folder}/exec -p {folder}/pid \
    --oom-score-adjust 0 --default-ulimit nofile=20000:20000 --default-ulimit nproc=4096:4096 --log-level warn
"""


class Engine:
    """Runs the engine; `data` keeps images and volumes from one run to the next."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self._data, self._log = folder, data, folder / "engine.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._network: ThreadPoolExecutor | None = None
        folder.mkdir(parents=True, exist_ok=True)
        data.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["setsid", "unshare", "-n", "-m", "--propagation", "private", "sh", "-c"]
        script = START.format(folder=self.folder, data=self._data)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, script], stdout=log, stderr=log)
        until(self._answers, 60, "the engine")
        self._network = ThreadPoolExecutor(1, initializer=self._enter)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"the engine ended: {self._log.read_text()[-2000:]}")
        return self.run("docker", "version", check=False).returncode == 0

    def _enter(self) -> None:
        pid = (self.folder / "pid").read_text().strip()
        with open(f"/proc/{pid}/ns/net") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")

    def stop(self) -> None:
        """Stop it with all its containers."""
        if self._network is not None:
            self._network.shutdown()
            self._network = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def told(self) -> dict[str, str]:
        """By which a client finds it."""
        return {"DOCKER_HOST": f"unix://{self.folder}/docker.sock", "DOCKER_CONFIG": str(self.folder / "config")}

    def run(
        self,
        *command: str,
        check: bool = True,
        timeout: float = 900,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: Any = None,
    ) -> subprocess.CompletedProcess[str]:
        """A client's command. Raises RuntimeError with what it printed."""
        done = subprocess.run(
            command,
            env=os.environ | self.told() | dict(env or {}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd,
            stdin=stdin,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def inside(self, act: Callable[[], T]) -> T:
        """What this gives in the engine's network, where published ports are on loopback."""
        if self._network is None:
            raise RuntimeError("it does not run")
        return self._network.submit(act).result(120)

    def entered(self) -> list[str]:
        """What stands before a command that is to run in the engine's network."""
        return ["nsenter", "-n", "-t", (self.folder / "pid").read_text().strip()]

    def has(self, image: str) -> bool:
        """Whether it holds an image."""
        return self.run("docker", "image", "inspect", image, check=False).returncode == 0


class HostEngine(Engine):
    """The engine that this machine has, with the original images: `make containers IMAGES=real`. It is left as it is."""

    def start(self) -> None:
        """Nothing: it runs."""
        if self.run("docker", "version", check=False).returncode:
            raise RuntimeError("IMAGES=real wants a Docker engine that runs, and pulls")

    def stop(self) -> None:
        """Nothing: it is somebody's."""

    def told(self) -> dict[str, str]:
        """Nothing besides what the caller's shell says."""
        return {}

    def inside(self, act: Callable[[], T]) -> T:
        """Published ports are here."""
        return act()

    def entered(self) -> list[str]:
        """Nothing: they are here."""
        return []
