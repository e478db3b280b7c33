"""What every part of the testbed uses: the error for people, and progress lines."""

import sys
import time

_began = time.monotonic()


class TestbedError(Exception):
    """A failure with a message that says what to install or to set; shown without a traceback."""


def say(text: str) -> None:
    """Print a progress line with the seconds since the start of this command on stderr."""
    print(f"{time.monotonic() - _began:6.1f}s {text}", file=sys.stderr, flush=True)
