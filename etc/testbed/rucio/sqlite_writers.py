"""Parallel writers on SQLite.

Rucio opens deferred transactions: they read first and want to write later, and SQLite refuses the
second of two such upgrades at once ("database is locked"), however long the timeout. So the
transactions of writing requests begin with BEGIN IMMEDIATE and queue; reading ones stay deferred.
"""

import threading
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine

_local = threading.local()  # .writes: does this thread write?  .open: its immediate transactions


def install(*, writes: bool) -> None:
    """Listen to every engine made from now on; writes is what a thread does unless it says otherwise."""

    def begin(connection):
        if connection.dialect.name != "sqlite":
            return
        if getattr(_local, "writes", writes) and not _open():  # a nested one would wait for itself
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _open().add(id(connection.connection.dbapi_connection))
        else:
            connection.exec_driver_sql("BEGIN")

    event.listen(Engine, "connect", _connect)
    event.listen(Engine, "begin", begin)
    event.listen(Engine, "commit", _end)
    event.listen(Engine, "rollback", _end)


@contextmanager
def writing(flag: bool):
    """Say whether this thread writes."""
    _local.writes = flag
    try:
        yield
    finally:
        del _local.writes


def _connect(connection, _record):
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None  # the begin event does it
        for pragma in ("busy_timeout=60000", "synchronous=OFF", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")


def _end(connection):
    if connection.dialect.name == "sqlite":
        _open().discard(id(connection.connection.dbapi_connection))


def _open() -> set:
    if not hasattr(_local, "open"):
        _local.open = set()
    return _local.open
