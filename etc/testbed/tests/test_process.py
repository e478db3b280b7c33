import contextlib
import dataclasses
import io
import os
import subprocess
import sys
import time
import unittest

import support
from lib import process
from lib.base import TestbedError

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


class Processes(support.StateCase):
    def start(self, name="nap"):
        self.tb.spawn(name, SLEEP)
        return process.load(self.tb.record(name))

    def test_ours_is_alive_until_stopped(self):
        record = self.start()
        self.assertTrue(self.tb.alive("nap"))
        self.assertEqual(list(self.tb.processes()), ["nap"])
        self.stop_all()
        self.assertFalse(process.is_ours(record))
        self.assertFalse(self.tb.alive("nap"))
        self.assertEqual(list(self.tb.processes()), [])

    def test_it_runs_in_a_session_of_its_own(self):
        pid = self.start().pid
        self.assertEqual(os.getsid(pid), pid)

    def test_spawn_does_nothing_when_it_runs(self):
        first = self.start()
        self.assertEqual(self.start(), first)

    def test_one_that_got_the_same_id_later_is_not_ours_and_lives_on(self):
        other = subprocess.Popen(SLEEP)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        started, command = process.describe_started(other.pid, "time.sleep")
        ours = process.Record(other.pid, started, "time.sleep", "log")
        self.assertTrue(process.is_ours(ours), command)
        for change in ({"started": "1"}, {"match": "/no/such/state"}):
            with self.subTest(change):
                record = dataclasses.replace(ours, **change)
                record.save(self.tb.record("nap"))
                self.assertFalse(self.tb.alive("nap"))
                self.assertFalse(process.stop(self.tb.record("nap"), 1))
                self.assertIsNone(other.poll())

    def test_a_zombie_is_dead(self):
        child = subprocess.Popen(["true"])
        while process.describe(child.pid):  # nobody waits for it: it ends as a zombie
            time.sleep(0.01)
        self.assertEqual(child.wait(), 0)

    def test_one_that_ignores_a_polite_end_is_killed(self):
        self.tb.spawn("deaf", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"])
        self.tb.ready("deaf", lambda: "ready" in self.tb.log("deaf").read_text())
        record = process.load(self.tb.record("deaf"))
        with contextlib.redirect_stderr(io.StringIO()):
            self.tb.stop("deaf", grace=0.2)
        self.assertFalse(process.is_ours(record))

    def test_no_record_or_a_broken_one(self):
        self.assertIsNone(process.load(self.tb.record("none")))
        for text in ("", "[]", '{"pid": 1}'):
            self.tb.dir("run").joinpath("bad.json").write_text(text)
            self.assertIsNone(process.load(self.tb.record("bad")))
        self.assertFalse(process.is_ours(None))


class Ready(support.StateCase):
    def test_a_server_that_dies_shows_its_log(self):
        self.tb.spawn("broken", ["sh", "-c", "echo no configuration; exit 3"])
        with self.assertRaisesRegex(TestbedError, r"(?s)broken died with exit code 3; .*\n  no configuration"):
            self.tb.ready("broken", lambda: False)

    def test_a_server_that_does_not_answer(self):
        self.tb.spawn("mute", SLEEP)
        with self.assertRaisesRegex(TestbedError, "mute does not answer after 0 s"):
            self.tb.ready("mute", lambda: False, timeout=0)

    def test_a_program_that_is_not_there(self):
        with self.assertRaisesRegex(TestbedError, "cannot start gone: .*no-such-program"):
            self.tb.spawn("gone", ["/no-such-program"])


if __name__ == "__main__":
    unittest.main()
