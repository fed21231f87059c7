"""What several unit tests stand on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.deploy import prepare


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `linli deploy kubernetes` writes where nobody chose anything."""
    for name in [name for name in os.environ if name.startswith("LINLI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.setenv("LINLI_SECRETS", str(tmp_path / "secrets"))
    return prepare("kubernetes", tmp_path / "kubernetes")
