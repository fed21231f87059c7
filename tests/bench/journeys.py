"""`python -m tests.bench.journeys`: which of our files three journeys lead through, so which one opens to follow them.

Counted are the files of which a line runs in a service between the request and its last effect, and does not run while
nothing happens.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from ops.services import SERVICES
from tests.system.world import World, tomorrow

ROOT = Path(__file__).resolve().parents[2]
THREE = 3  # the duty lead, the secretary, the street officer
QUIET = 12.0  # seconds: each timer runs twice, but for those of an hour
# Starts with each interpreter: USR1 begins a journey, USR2 writes down what ran in it. A tracer that is stopped and started
# again would lose the greenthreads that live already, so it goes on, and each journey is a context of its own.
WATCHER = """
import os, signal, sys
if any("shared.runtime.runner" in text for text in sys.orig_argv):
    import coverage
    measured = coverage.Coverage(data_file=None, source=[{root!r}], concurrency="eventlet")
    journeys = []
    def begin(*_):
        journeys.append("journey " + str(len(journeys)))
        measured.switch_context(journeys[-1])
    def tell(*_):
        measured.switch_context("between")
        data = measured.get_data()
        data.set_query_context(journeys[-1])
        with open(os.path.join({folder!r}, str(os.getpid()) + ".part"), "w") as out:
            for file in data.measured_files():
                out.write(file + ":" + ",".join(map(str, data.lines(file) or ())) + "\\n")
        os.rename(out.name, out.name[:-5])
    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, tell)
    measured.start()
"""


class Watched:
    """The services of a system, and which lines run in them."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._idle: dict[str, set[int]] = {}

    def _signal(self, number: int) -> list[int]:
        pids = [p["pid"] for p in self._world.stack.processes() if p["name"].rpartition("-")[0] in SERVICES]
        for pid in pids:
            os.kill(pid, number)
        return pids

    def lines(self, act: Callable[[], None]) -> dict[str, set[int]]:
        """File → the lines that ran during this, and until all was quiet again."""
        self._signal(signal.SIGUSR1)
        act()
        self._world.settle()
        files = [self._folder / str(pid) for pid in self._signal(signal.SIGUSR2)]
        self._world.until(lambda: all(file.exists() for file in files), what="what ran")
        found: dict[str, set[int]] = {}
        for file in files:
            for line in file.read_text().splitlines():
                name, _, numbers = line.rpartition(":")
                found.setdefault(name, set()).update(map(int, filter(None, numbers.split(","))))
            file.unlink()
        return found

    def rest(self) -> None:
        """See what runs while nothing happens."""
        self._idle = self.lines(lambda: time.sleep(QUIET))

    def files(self, act: Callable[[], None]) -> list[str]:
        """The files that this leads through."""
        ran = self.lines(act)
        return sorted(os.path.relpath(file, ROOT) for file, lines in ran.items() if lines - self._idle.get(file, set()))


@contextmanager
def watched() -> Iterator[tuple[World, Watched]]:
    """A system whose services are watched."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lines").mkdir()
        (folder / "sitecustomize.py").write_text(WATCHER.format(root=str(ROOT), folder=str(folder / "lines")))
        os.environ["PYTHONPATH"] = os.pathsep.join([name, str(ROOT)])
        with World(folder / "world", LINLI_BOOKINGS_REPLICAS="1", LINLI_PETITIONS_REPLICAS="1") as world:
            yield world, Watched(world, folder / "lines")


def main() -> None:
    """Print each journey's files, and how many they are."""
    with watched() as (world, seen):
        lijing = world.lijing
        resident, record = lijing.person(email="journey@example.org")
        room = lijing.room()["id"]
        mails = world.here.path("mail")

        def reserve() -> None:
            before = len(list(mails.iterdir()))
            assert lijing.reserve(resident, room, tomorrow(10)).status_code == 201
            world.until(lambda: len(list(mails.iterdir())) > before, what="the mail")

        def file_one() -> None:
            resident.post(lijing.path("/petitions"), {"kind": "申诉求决", "topic": "噪声", "text": "楼上每晚施工到十二点。"})

        told = {"template": "deadline_missed", "channel": "inbox", "community": "lijing"}

        def overdue() -> None:
            with world.clock_at(late):
                kept = world.mongo["notifications"]["deliveries"]
                world.until(lambda: len(kept.distinct("recipient", told)) >= THREE, what="the third")

        def erase() -> None:
            assert resident.call("DELETE", lijing.path(f"/residents/{record['id']}")).status_code == 204

        late = tomorrow(10) + timedelta(days=40)
        world.stack.stop("petitions-0")
        with world.clock_at(late):
            time.sleep(QUIET)  # whatever else is due by then is none of the journey
        world.stack.start("petitions-0")
        world.until(lambda: not world.stack.not_ready(), what="petitions")
        file_one()
        world.settle()
        seen.rest()
        for name, act in (("overdue → three told", overdue), ("reserve → mail", reserve), ("erasure", erase)):
            files = seen.files(act)
            print(f"{name}: {len(files)} files, {sum(f.startswith('services/') for f in files)} of services")
            for file in files:
                print(f"    {file}")


if __name__ == "__main__":
    main()
