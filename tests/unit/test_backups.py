"""What a backup holds, which ones are kept, and which events are said again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from ops.audit import trailed
from ops.backups import folder as folders
from ops.backups import messages, take
from ops.backups.databases import hashed, read, write
from ops.backups.folder import Manifest, data_file, kept, newest, prune
from ops.backups.sealed import opened, seal
from ops.documents import service_classes
from ops.services import RECORDS, SERVICES
from ops.settings import Installation, Problem
from shared.runtime.chain_writer import LEASE
from shared.storage.store import REMEMBER_CAUSE

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def raw(**fields: object) -> RawBSONDocument:
    return RawBSONDocument(bson.encode(fields))


def made(folder: Path, began: datetime) -> Path:
    """A backup of two documents."""
    backup = folder / began.strftime(folders.NAME)
    copied = write([raw(_id=1), raw(_id=2)], data_file(backup, "bookings", "uses"))
    (backup / folders.SECRETS).write_bytes(b"sealed")
    sealed = "4e20e7bbc4b1f0b5a4a8f3b4d37a0f1b"
    Manifest(began.isoformat(), secrets=sealed, databases={"bookings": {"uses": copied}}).write(backup)
    return backup


def test_what_is_written_is_read_again_with_the_same_hash(tmp_path: Path) -> None:
    documents = [raw(_id=n, text="丽" * n) for n in range(1200)]
    copied = write(documents, tmp_path / "one.bson.gz")
    assert copied == hashed(read(tmp_path / "one.bson.gz")) == hashed(documents)
    assert copied.count == 1200
    assert hashed(documents[:-1]) != copied


def test_seven_days_and_four_weeks_are_kept_the_newest_of_each() -> None:
    times = [NOON - timedelta(hours=8 * n) for n in range(3 * 60)]  # three a day, two months
    left = kept(times)
    days = [time.date() for time in sorted(left)]
    assert days[-7:] == [NOON.date() - timedelta(days=n) for n in range(6, -1, -1)]
    assert NOON in left
    weeks = {time.isocalendar()[:2] for time in left}
    assert len(weeks) == 4
    assert len(left) == 7 + 4 - len({time.isocalendar()[:2] for time in left if NOON - time < timedelta(days=7)})


def test_one_backup_a_year_is_kept_as_long_as_it_is_the_newest() -> None:
    assert kept([NOON - timedelta(days=400)]) == {NOON - timedelta(days=400)}


def test_pruning_takes_what_is_old_and_what_was_left_half_done(tmp_path: Path) -> None:
    there = [made(tmp_path, NOON - timedelta(days=days)) for days in range(40)]
    half = tmp_path / "2026-11-01T00-00-00Z.part"
    half.mkdir()
    gone = prune(tmp_path)
    assert half in gone
    assert there[0].exists() and there[6].exists()
    assert not there[39].exists()
    assert newest(tmp_path) == there[0]
    assert newest(there[3]) == there[3]


def test_a_folder_without_a_backup_says_so(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="holds no backup"):
        newest(tmp_path)
    with pytest.raises(Problem, match="is no backup"):
        Manifest.read(tmp_path)


def test_each_way_in_which_a_backup_can_be_damaged_is_found(tmp_path: Path) -> None:
    backup = made(tmp_path, NOON)
    file = data_file(backup, "bookings", "uses")
    whole = file.read_bytes()

    def found() -> str:
        return "; ".join(Manifest.read(backup).findings(backup))

    file.write_bytes(whole[:-9])
    assert "databases/bookings/uses.bson.gz: cannot be read" in found()
    file.write_bytes(gzip.compress(gzip.decompress(whole)[:14]))
    assert "1 of 2" in found()
    file.unlink()
    assert "FileNotFoundError" in found()
    assert folders.SECRETS in found(), "its hash is another"


def test_a_format_of_another_release_is_refused(tmp_path: Path) -> None:
    backup = made(tmp_path, NOON)
    told = json.loads((backup / folders.MANIFEST).read_text()) | {"format": 9}
    (backup / folders.MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Problem, match="format 9"):
        Manifest.read(backup)


def test_listeners_are_copied_before_those_whom_they_hear() -> None:
    order = take.listeners_first()
    assert set(order) == set(SERVICES)
    assert order[-1] == "residents", "it hears nobody but itself"
    assert order.index("notifications") < order.index("residents")


def test_whoever_has_chains_appends_under_the_lease_that_a_backup_takes() -> None:
    writers = [kind for kind in service_classes() if trailed(str(vars(kind)["name"]))]
    assert writers
    assert all(hasattr(kind, LEASE) for kind in writers)


def test_queues_are_bound_to_what_each_service_hears() -> None:
    for kind in service_classes():
        name = str(vars(kind)["name"])
        speakers = {event.speaker for listener in messages._listeners(kind) for event in listener.events}
        assert speakers == set(RECORDS[name].hears), name


def test_an_event_that_nobody_would_know_again_is_said_again_only_where_nobody_can_have_heard_it() -> None:
    began = datetime.now(UTC) - REMEMBER_CAUSE - timedelta(days=1)
    wanted = messages.known_again(began)

    def said(at: datetime) -> RawBSONDocument:
        return raw(headers={"cloudEvents:time": at.isoformat()})

    assert not wanted(said(began - timedelta(hours=1)))
    assert wanted(said(began + timedelta(seconds=1)))
    assert messages.known_again(datetime.now(UTC))(said(datetime.now(UTC) - timedelta(hours=23)))


def test_secrets_are_sealed_under_a_passphrase_that_is_long_enough() -> None:
    sealed = seal(b"{}", "sixteen letters!")
    assert opened(sealed, "sixteen letters!") == b"{}"
    assert sealed != seal(b"{}", "sixteen letters!")
    for wrong, file in (("sixteen letters?", sealed), ("", sealed), ("sixteen letters!", sealed[:-3]), ("x", b"nothing")):
        with pytest.raises(Problem, match="not the passphrase"):
            opened(file, wrong)
    with pytest.raises(Problem, match="16 letters"):
        seal(b"{}", "fifteen letters")


def test_two_backups_at_once_are_refused_and_one_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, kept = Installation(tmp_path / "run", {"LINLI_AMQP_AT": "127.0.0.1:1"}), tmp_path / "kept"
    here.make_secrets()
    old = made(kept, NOON)

    def again() -> None:
        take.take(here, kept, "sixteen letters!", lambda text: None)

    with take._alone(kept), pytest.raises(Problem, match="another backup"):
        again()
    with pytest.raises(Problem, match="the broker does not answer"):
        again()
    monkeypatch.setattr(take, "_take", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(Problem, match="No space left on device"):
        again()
    assert [path for path in kept.iterdir() if path.is_dir()] == [old]


def test_what_is_named_by_somebody_is_neither_the_newest_nor_taken_away(tmp_path: Path) -> None:
    newer = made(tmp_path, NOON)
    own = made(tmp_path, NOON - timedelta(days=300)).rename(tmp_path / "before-upgrade")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / folders.MANIFEST).write_text("{}")
    assert newest(tmp_path) == newer
    assert prune(tmp_path) == []
    assert newest(own) == own


def test_a_backup_of_before_a_service_was_added_still_belongs_to_the_secrets(tmp_path: Path) -> None:
    here = Installation(tmp_path, {})
    here.make_secrets()
    before = folders.fingerprints(here)
    here.secrets["master"]["garden"] = "another key"
    assert not before.items() - folders.fingerprints(here).items()
    here.secrets["master"]["bookings"] = "changed"
    assert {service for service, _ in before.items() - folders.fingerprints(here).items()} == {"bookings"}
