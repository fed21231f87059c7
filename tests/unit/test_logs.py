"""What `linli logs` shows of the services' files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ops import logs
from ops.cli import main


def written(file: Path, *entries: dict[str, object] | str) -> Path:
    rows = [one if isinstance(one, str) else json.dumps(one) for one in entries]
    file.write_text("".join(f"{row}\n" for row in rows))
    return file


def entry(second: int, event: str, level: str = "info", **more: object) -> dict[str, object]:
    return {"timestamp": f"2026-11-28T09:00:{second:02d}.500000Z", "level": level, "event": event, **more}


CRASH = "Traceback (most recent call last):"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        written(tmp_path / "bookings-0.log", entry(1, "first"), entry(4, "fourth", "warning"), CRASH),
        written(tmp_path / "residents-0.log", entry(2, "second", correlation="ab"), entry(3, "third", component="access")),
    ]


def events(shown: list[dict[str, object]]) -> list[object]:
    return [one["event"] for one in shown]


def test_all_files_together_in_the_order_of_time(files: list[Path]) -> None:
    """What a crash writes stands where it was written."""
    assert events(logs.Logs(files, logs.Wanted()).fresh()) == ["first", "second", "third", "fourth", CRASH]


def test_only_what_is_wanted(files: list[Path]) -> None:
    assert events(logs.Logs(files, logs.Wanted("warning")).fresh()) == ["fourth", CRASH]
    assert events(logs.Logs(files, logs.Wanted(correlation="ab")).fresh()) == ["second"]


def test_a_line_says_when_how_bad_who_and_what(files: list[Path]) -> None:
    shown = logs.text(logs.Logs(files, logs.Wanted(correlation="ab")).fresh()[0])
    assert shown.split()[2:] == ["info", "residents-0", "second", "correlation=ab"]


def test_what_is_written_later_is_shown_once_and_when_the_line_is_whole(files: list[Path]) -> None:
    shown = logs.Logs(files, logs.Wanted())
    shown.fresh()
    with files[0].open("a") as more:
        more.write(json.dumps(entry(6, "sixth")) + "\n" + '{"timestamp": "2026-11-28T09:00:07Z", ')
    with files[1].open("a") as more:
        more.write(json.dumps(entry(5, "fifth")) + "\n")
    assert events(shown.fresh()) == ["fifth", "sixth"]
    with files[0].open("a") as more:
        more.write('"level": "info", "event": "seventh"}\n')
    assert events(shown.fresh()) == ["seventh"]
    assert shown.fresh() == []
    written(files[0], entry(8, "after a rotation"))
    assert events(shown.fresh()) == ["after a rotation"]


def test_without_an_installation_it_says_so(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["--dir", str(tmp_path / "none"), "logs"])
    assert (said.exit_code, said.output) == (1, "Error: there is no installation yet; start with `make up`\n")
