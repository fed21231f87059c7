"""What `breakpoint()` does in a service that runs in a terminal: see `linli foreground`."""

from __future__ import annotations

import pdb
import sys


def stop() -> None:
    """Hand the terminal to pdb, which leaves Ctrl-C alone: the service drains on it, also after a stop here."""
    pdb.Pdb(nosigint=True).set_trace(sys._getframe(1))
