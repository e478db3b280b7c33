"""A PostgreSQL server with a temporary cluster, for Rucio's `up --db postgres`. Trusts everybody on
loopback and does not wait for the disk: for tests only."""

import glob
import os
import shutil
import signal

from lib import packages
from lib.base import TestbedError

NAME = "postgres"
PORT = 18032
USER = "rucio"
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 256MB
"""


def start(tb):
    """Make the cluster and the database `rucio` unless they are there, and run the server."""
    programs = _programs(tb)
    data = tb.state / "postgres"
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        tb.run([*_as_postgres(tb), f"{programs}/initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8",
                "--locale=C", "--no-sync"], cwd="/", what="making the PostgreSQL cluster")
    if not tb.alive(NAME):
        port = tb.port(NAME, PORT)
        (data / "testbed.conf").write_text(SETTINGS.format(port=port))
        tb.spawn(NAME, [*_as_postgres(tb), f"{programs}/postgres", "-D", data,
                        "-c", f"config_file={data}/testbed.conf"], cwd="/")
    login = ["-h", "127.0.0.1", "-p", tb.known_port(NAME), "-U", USER]
    tb.ready(NAME, lambda: _answers(tb, [f"{programs}/pg_isready", "-q", *login]))
    found = tb.run([f"{programs}/psql", *login, "-d", "postgres", "-Atc",
                    "select 1 from pg_database where datname = 'rucio'"], what="looking for the database rucio")
    if not found.strip():
        tb.run([f"{programs}/createdb", *login, "rucio"], what="making the database rucio")


def stop(tb):
    """Stop it without waiting for its clients to leave."""
    tb.stop(NAME, how=signal.SIGINT)


def env(tb):
    """The address, as libpq takes it."""
    return {"TESTBED_POSTGRES_URL": f"postgresql://{USER}@127.0.0.1:{tb.known_port(NAME)}/rucio"}


def _answers(tb, argv):
    try:
        tb.run(argv, what="pg_isready")
    except TestbedError:
        return False
    return True


def _programs(tb):
    """Return the folder of the newest PostgreSQL; Debian keeps its programs out of PATH."""
    def find():
        found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
        newest = max(found, key=lambda p: int(p.split("/")[4]), default=shutil.which("postgres"))
        return os.path.dirname(os.path.realpath(newest)) if newest else None

    if not find():
        packages.install(("postgresql",), why="PostgreSQL is missing", allowed=tb.install)
    return find()


def _as_postgres(tb):
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return [tb.need("setpriv", "util-linux"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
