"""A folder of backups: one folder a backup, named by its time; what each holds, and which are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.backups.databases import Copied, hashed, read
from ops.settings import Installation, Problem

FORMAT = 1
NAME = "%Y-%m-%dT%H-%M-%SZ"
DAYS_KEPT, WEEKS_KEPT = 7, 4  # the newest backup of each of so many days, and of so many weeks
MANIFEST, SECRETS = "manifest.json", "secrets.jwe"


@dataclass
class Manifest:
    """What a backup holds. `databases` is by service and collection, `messages` by file; `master` says to which keys each
    service's belongs, and `waiting` which messages of a queue nobody had taken yet when it was begun."""

    began: str
    release: str = ""
    master: dict[str, str] = field(default_factory=dict)
    ended: str = ""
    format: int = FORMAT
    secrets: str = ""
    waiting: dict[str, int] = field(default_factory=dict)
    databases: dict[str, dict[str, Copied]] = field(default_factory=dict)
    messages: dict[str, Copied] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Beside what it lists."""
        (folder / MANIFEST).write_text(json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises Problem where there is none, or one of a release that this one does not know."""
        try:
            found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError) as error:
            raise Problem(f"{folder} is no backup: {type(error).__name__} at {MANIFEST}") from error
        if found["format"] != FORMAT:
            raise Problem(f"{folder} has format {found['format']}; this release reads {FORMAT}")
        found["databases"] = {s: {name: Copied(**c) for name, c in its.items()} for s, its in found["databases"].items()}
        found["messages"] = {name: Copied(**c) for name, c in found["messages"].items()}
        return cls(**found)

    def findings(self, folder: Path) -> list[str]:
        """What is not as it was written: files that are gone, cut off or changed."""
        files = {data_file(folder, s, name): copied for s, its in self.databases.items() for name, copied in its.items()}
        files |= {folder / "messages" / name: copied for name, copied in self.messages.items()}
        found = [f"{file.relative_to(folder)}: {why}" for file, copied in files.items() if (why := _differs(file, copied))]
        secrets = folder / SECRETS
        if not secrets.exists() or hashlib.sha256(secrets.read_bytes()).hexdigest() != self.secrets:
            found.append(f"{SECRETS}: not what was written")
        return found


def _differs(file: Path, copied: Copied) -> str:
    try:
        there = hashed(read(file))
    except Exception as error:  # whatever gzip and BSON say to a file that is damaged
        return f"cannot be read ({type(error).__name__})"
    return "" if there == copied else f"{there.count} of {copied.count}, or other ones"


def data_file(folder: Path, service: str, collection: str) -> Path:
    """Where a collection lies, named as mongorestore looks for it."""
    return folder / "databases" / service / f"{collection}.bson.gz"


def fingerprints(installation: Installation) -> dict[str, str]:
    """By which the keys that read a service's data can be told from others; they cannot be told from it."""
    return {service: hashlib.sha256(key.encode()).hexdigest() for service, key in installation.secrets["master"].items()}


def backups(folder: Path) -> list[Path]:
    """The complete ones, oldest first: what is named otherwise is somebody's own affair."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}") if _named(path.parent.name))


def _named(name: str) -> bool:
    try:
        datetime.strptime(name, NAME)
    except ValueError:
        return False
    return True


def newest(folder: Path) -> Path:
    """`folder` itself where it is a backup, else the newest one in it. Raises Problem where there is none."""
    if (folder / MANIFEST).exists():
        return folder
    if there := backups(folder):
        return there[-1]
    raise Problem(f"{folder} holds no backup")


def taken_at(backup: Path) -> datetime:
    """When it was begun."""
    return datetime.strptime(backup.name, NAME).replace(tzinfo=UTC)


def kept(times: list[datetime]) -> set[datetime]:
    """Of backups of these times: the newest of each of the last days and of each of the last weeks that have one."""
    found: set[datetime] = set()
    for count, period in ((DAYS_KEPT, _day), (WEEKS_KEPT, _week)):
        newest_of = {period(time): time for time in sorted(times)}
        found |= set(sorted(newest_of.values())[-count:])
    return found


def _day(time: datetime) -> Any:
    return time.astimezone(UTC).date()


def _week(time: datetime) -> Any:
    return time.astimezone(UTC).isocalendar()[:2]


def prune(folder: Path) -> list[Path]:
    """Remove what need not be kept any longer, and what a backup that was ended left half done; returns what went."""
    times = {taken_at(backup): backup for backup in backups(folder)}
    gone = [times[time] for time in sorted(times.keys() - kept(list(times)))]
    gone += sorted(path for path in folder.glob("*.part") if path.is_dir())
    for path in gone:
        shutil.rmtree(path)
    return gone
