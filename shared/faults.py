"""Fault points: places where a test may have the process killed or a handler fail, to prove that nothing is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

_directory = Path(os.environ.get("LINLI_FAULTS", "")) if os.environ.get("LINLI_TEST") == "1" else None


def fault(point: str) -> None:
    """Die as by kill -9 if a test has put a file of this name into LINLI_FAULTS; the file is used up first."""
    if _directory is None or not (file := _directory / point).exists():
        return
    file.unlink(missing_ok=True)
    os.kill(os.getpid(), signal.SIGKILL)


def misfire(point: str) -> None:
    """Raise for as long as a test keeps a file `<point>.fails` in LINLI_FAULTS."""
    if _directory is not None and (_directory / f"{point}.fails").exists():
        raise RuntimeError("a test wants this to fail")
