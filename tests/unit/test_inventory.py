"""What `make inventory` says when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.inventory.__main__ import outcomes, status

REPORT = """<testsuites><testsuite>
<testcase name="test_P2_a"/><testcase name="test_P2_b"><failure/></testcase><testcase name="test_L1_x"/>
<testcase name="tests.system.inventory.test_bookings"><error/></testcase>
</testsuite></testsuites>"""


def test_a_row_passes_if_every_one_of_its_tests_does(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    assert outcomes(tmp_path / "report.xml") == {"P2": "fail", "L1": "pass"}


@pytest.mark.parametrize(("ended", "found", "code"), [
    (pytest.ExitCode.OK, ["pass"], 0), (pytest.ExitCode.OK, [], 0), (pytest.ExitCode.TESTS_FAILED, ["pass", "fail"], 1),
    # A file that cannot be collected has no row that could say so.
    (pytest.ExitCode.INTERRUPTED, ["pass"], 1), (pytest.ExitCode.INTERRUPTED, [], 1), (pytest.ExitCode.USAGE_ERROR, [], 1),
    (pytest.ExitCode.INTERNAL_ERROR, [], 1), (pytest.ExitCode.NO_TESTS_COLLECTED, [], 1), (pytest.ExitCode.TESTS_FAILED, [], 1),
])  # fmt: skip
def test_nothing_that_could_not_be_played_ends_well(ended: int, found: list[str], code: int) -> None:
    assert status(ended, found) == code
