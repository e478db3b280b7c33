"""Parallel writers on SQLite.

Rucio opens deferred transactions: they read first and want to write later, and SQLite refuses the
second of two such upgrades at once ("database is locked"), however long the timeout. So sessions
that may write begin with BEGIN IMMEDIATE and queue; those that only read stay deferred.
"""

import sys

import rucio.db.sqla.session as rucio_session
from rucio.db.sqla.constants import DatabaseOperationType
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import scoped_session, sessionmaker


def install():
    """Change how Rucio makes its sessions. Call it before the first one; PostgreSQL is left alone."""
    event.listen(Engine, "connect", _connect)
    event.listen(Engine, "begin", _begin)
    original = rucio_session.get_session

    def get_session():
        session = original()
        engine = rucio_session.get_engine()
        if engine.dialect.name != "sqlite" or not _reads(sys._getframe(1)):
            return session
        return scoped_session(sessionmaker(bind=engine.execution_options(testbed_reads=True)))

    rucio_session.get_session = get_session


def _reads(caller):
    """Does the function of Rucio that asks for a session only read? A caller that is not known,
    say in a newer Rucio, counts as a writer: slower, but right."""
    decorator = caller.f_code.co_qualname.partition(".")[0]
    return (decorator in ("read_session", "stream_session")
            or caller.f_locals.get("operation") is DatabaseOperationType.READ)


def _connect(connection, _record):
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None  # _begin does it
        for pragma in ("busy_timeout=60000", "synchronous=OFF", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")


def _begin(connection):
    if connection.dialect.name == "sqlite":
        reads = connection.get_execution_options().get("testbed_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
