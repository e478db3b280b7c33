"""The STOMP broker that Rucio sends its traces to. With none listening every POST /traces/
would wait most of a second for the connection."""

import sys
from pathlib import Path

from lib import ports

NAME = "trace"
PORT = 18613


def start(tb):
    """Start the sink with this Python: it needs nothing but the standard library."""
    if not tb.alive(NAME):
        port = tb.port(NAME, PORT)
        tb.spawn(NAME, [sys.executable, Path(__file__).with_name("sink.py"), port, _file(tb)])
    tb.ready(NAME, lambda: ports.accepts(tb.known_port(NAME)), timeout=15)


def env(tb):
    """The address, and the file where each trace that arrived is a line of JSON."""
    return {"TESTBED_TRACE_URL": f"stomp://127.0.0.1:{tb.known_port(NAME)}", "TESTBED_TRACE_FILE": str(_file(tb))}


def _file(tb):
    return tb.dir("log") / "traces.jsonl"
