"""Locks between processes."""

import fcntl
import time
from contextlib import contextmanager
from pathlib import Path

from .base import TestbedError, say


@contextmanager
def locked(path: Path, *, shared: bool = False, timeout: float = 900.0):
    """Hold the lock file at path; the system frees it when the process ends, however it ends.

    The file itself stays: removing it would let a third process lock another file of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    began = time.monotonic()
    told = False
    with open(path, "a", encoding="utf-8") as handle:
        while True:
            try:
                fcntl.flock(handle, kind)
                break
            except BlockingIOError:
                waited = time.monotonic() - began
                if waited > timeout:
                    raise TestbedError(f"{path} is locked by another process for {timeout:.0f} s") from None
                if waited > 1 and not told:
                    say(f"waiting for another process that holds {path}")
                    told = True
                time.sleep(0.05)
        yield
