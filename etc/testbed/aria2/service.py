"""The program aria2c, which download_aria2c runs. It has no process."""

import shutil

from lib import packages


def start(tb):
    """Install it, if that is allowed."""
    if not shutil.which("aria2c"):
        packages.install(("aria2",), why="aria2c is missing", allowed=tb.install)


def env(tb):
    """Where it is."""
    return {"TESTBED_ARIA2C": shutil.which("aria2c") or ""}
