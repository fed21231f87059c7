"""`make inventory`: play every row that has a scenario, and print all rows with pass, fail or not yet."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
LIST = HERE.parents[2] / "docs" / "inventory.md"
ROW = re.compile(r"^\| ([PL]\d+) \| (\w+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
MARK = {"pass": "[green]pass[/]", "fail": "[red]fail[/]", "not yet": "[yellow]not yet[/]"}


def rows() -> list[tuple[str, str, str, str]]:
    """(row, part, what the community does, what the system does) of the whole inventory."""
    return ROW.findall(LIST.read_text())


def outcomes(report: Path) -> dict[str, str]:
    """Each row's outcome in a JUnit report: every one of its tests must pass."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if match := re.match(r"test_([PL]\d+)_", case.get("name", "")):
            bad = any(child.tag in ("failure", "error", "skipped") for child in case)
            found[match[1]] = "fail" if bad or found.get(match[1]) == "fail" else "pass"
    return found


def status(ended: int, outcomes: Iterable[str]) -> int:
    """0 where pytest ran all it was given and no row failed. That rows have no test yet is no failure; that pytest could
    not run what there is, is one, although no row says so."""
    return 0 if ended == pytest.ExitCode.OK and "fail" not in outcomes else 1


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        ended = pytest.main(["-q", str(HERE), f"--junitxml={report}"])
        found = outcomes(report) if report.exists() else {}
    table = Table("row", "part", "what the community does", "what the system does", "")
    for row, part, does, system in rows():
        table.add_row(row, part, does, system, MARK[found.get(row, "not yet")])
    console = Console(width=140)
    console.print(table)
    counts = [sum(found.get(row[0], "not yet") == mark for row in rows()) for mark in MARK]
    console.print(f"{counts[0]} pass, {counts[1]} fail, {counts[2]} not yet, of {len(rows())}")
    return status(ended, found.values())


if __name__ == "__main__":
    sys.exit(main())
