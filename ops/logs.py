"""What the services write of what they do, put together in the order of time, for people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

LEVELS = ("debug", "info", "warning", "error", "critical")
SHOWN_FIRST = frozenset({"timestamp", "level", "service", "component", "event", "where"})


@dataclass(frozen=True)
class Wanted:
    """Which lines are shown: of this level or above and, if given, of what one request set off (its `X-Correlation-Id`)."""

    level: str = "info"
    correlation: str = ""

    def __contains__(self, entry: dict[str, Any]) -> bool:
        level = str(entry.get("level", "error"))
        loud = LEVELS.index(level) >= LEVELS.index(self.level) if level in LEVELS else True
        return loud and (not self.correlation or entry.get("correlation") == self.correlation)


class Logs:
    """Several files, of which each line is read once."""

    def __init__(self, files: Iterable[Path], wanted: Wanted) -> None:
        self._at, self._wanted = dict.fromkeys(files, 0), wanted

    def fresh(self) -> list[dict[str, Any]]:
        """What was written since the last look, oldest first."""
        found = [entry for file in self._at for entry in entries(self._lines(file), file.stem)]
        return sorted((entry for entry in found if entry in self._wanted), key=lambda entry: str(entry["timestamp"]))

    def follow(self) -> Iterator[dict[str, Any]]:
        """What is written from now on, for as long as somebody reads it."""
        while True:
            yield from self.fresh()
            time.sleep(0.3)

    def _lines(self, file: Path) -> list[str]:
        """The whole lines that were added to a file; one that was rotated begins anew."""
        if not file.exists():
            return []
        if file.stat().st_size < self._at[file]:
            self._at[file] = 0
        with file.open("rb") as written:
            written.seek(self._at[file])
            whole, newline, _ = written.read().rpartition(b"\n")
        self._at[file] += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()


def entries(lines: Iterable[str], source: str) -> Iterator[dict[str, Any]]:
    """The lines of one file, each as it was written. What is no JSON (a crash before the log was set up) is an error at the
    time of the line before it."""
    at = ""
    for line in lines:
        try:
            entry = json.loads(line)
            at = str(entry["timestamp"])
        except (ValueError, KeyError, TypeError):
            if not line.strip():
                continue
            entry = {"timestamp": at, "level": "error", "event": line.rstrip()}
        yield entry | {"service": source}


def text(entry: dict[str, Any]) -> str:
    """One entry as a line: local time, level, who, what, and the rest as name=value; below it the stack of an error."""
    when = entry["timestamp"]
    if when:
        when = datetime.fromisoformat(when).astimezone().strftime("%m-%d %H:%M:%S.%f")[:-3]
    more = [f"{name}={_short(value)}" for name, value in entry.items() if name not in SHOWN_FIRST]
    what = " ".join(str(entry[name]) for name in ("component", "event") if entry.get(name))
    stack = [f"    {frame}" for frame in entry.get("where") or []]
    return "\n".join([" ".join([f"{when:18} {entry.get('level', ''):7} {entry['service']:15} {what}", *more]), *stack])


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
