"""What the tests share: the modules under test on the path, and a testbed in a temporary folder."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from lib.state import Testbed  # noqa: E402


class StateCase(unittest.TestCase):
    """A test with a state folder of its own; what it started is stopped."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name) / "state"
        self.tb = Testbed(self.state)
        self.tb.create()
        self.addCleanup(self.stop_all)

    def stop_all(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.tb.stop(*self.tb.processes())
