import contextlib
import io
import os
import subprocess
import sys
import unittest
from types import SimpleNamespace
from unittest import mock

import support
import testbed
from lib import envfile, packages, state
from lib.base import TestbedError
from services import DEFAULT, SERVICES, Service


class Registry(support.StateCase):
    def test_every_service_has_what_the_testbed_calls(self):
        for name, service in SERVICES.items():
            with self.subTest(name):
                module = self.tb.service(name)
                self.assertTrue(callable(module.start))
                self.assertTrue(callable(module.env))
                self.assertTrue(service.about)
                self.assertLessEqual(set(service.needs), SERVICES.keys())
        self.assertLessEqual(set(DEFAULT), SERVICES.keys())

    def test_needs_come_first_and_once(self):
        names = self.tb.with_needs(["trace", "rucio"])
        self.assertEqual(names, ["trace", "rucio"])
        self.assertEqual(self.tb.with_needs(["rucio"]), ["trace", "rucio"])

    def test_an_unknown_service_is_named(self):
        with self.assertRaisesRegex(TestbedError, "no service 'nope': there are rucio, "):
            testbed.known(["rucio", "nope"])


class Lifecycle(support.StateCase):
    """up and down, with a service that is made here."""

    def setUp(self):
        super().setUp()
        self.starts = 0

        def start(tb):
            self.starts += 1
            tb.spawn("fake.one", ["sleep", "60"])

        fake = SimpleNamespace(start=start, env=lambda tb: {"TESTBED_FAKE_URL": "fake://"})
        for patch in (mock.patch.dict(SERVICES, {"fake": Service("made up")}),
                      mock.patch.object(state.Testbed, "service", lambda tb, name: fake)):
            patch.start()
            self.addCleanup(patch.stop)

    def test_a_passive_one_is_up_without_a_process_and_looks_each_time(self):
        with mock.patch.dict(SERVICES, {"fake": Service("made up", passive=True)}):
            self.tb.service("fake").start = lambda tb: setattr(self, "starts", self.starts + 1)
            self.tb.up("fake")
            self.tb.up("fake")
            self.assertEqual(self.starts, 2)
            self.assertTrue(self.tb.running("fake"))
            self.tb.down("fake")
            self.assertFalse(self.tb.running("fake"))

    def test_up_twice_starts_once_and_down_forgets(self):
        self.tb.up("fake")
        self.tb.up("fake")
        self.assertEqual(self.starts, 1)
        self.assertTrue(self.tb.running("fake"))
        self.assertEqual(self.tb.started(), ["fake"])
        self.assertEqual(envfile.parse((self.state / "env").read_text()),
                         {"TESTBED_STATE": str(self.state), "TESTBED_FAKE_URL": "fake://"})
        with contextlib.redirect_stderr(io.StringIO()):
            self.tb.down("fake")
        self.assertFalse(self.tb.running("fake"))
        self.assertEqual(self.tb.started(), [])
        self.assertNotIn("FAKE", (self.state / "env").read_text())

    def test_a_dead_part_is_started_again(self):
        self.tb.up("fake")
        with contextlib.redirect_stderr(io.StringIO()):
            self.tb.stop("fake.one")
        self.assertFalse(self.tb.running("fake"))
        self.tb.up("fake")
        self.assertEqual(self.starts, 2)
        self.assertTrue(self.tb.running("fake"))


class Folder(support.StateCase):
    def test_a_folder_of_something_else_is_refused_and_never_wiped(self):
        (self.state / state.MARKER).unlink()
        (self.state / "precious").touch()
        with self.assertRaisesRegex(TestbedError, "is not empty and no testbed"):
            self.tb.create()
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(testbed.main(["--state", str(self.state), "down", "--wipe"]), 0)
        self.assertTrue((self.state / "precious").exists())

    def test_wipe_spares_what_is_costly(self):
        for name in ("venv", "cache", "pki", "log"):
            self.tb.dir(name)
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(testbed.main(["down", "--wipe", "--state", str(self.state)]), 0)
        self.assertEqual({p.name for p in self.state.iterdir()}, {state.MARKER, "venv", "cache", "lock"})

    def test_a_template_with_an_unknown_name_is_an_error(self):
        template = self.state / "t"
        template.write_text("port = ${port}\n")
        self.tb.render(template, self.state / "out", port=1)
        self.assertEqual((self.state / "out").read_text(), "port = 1\n")
        with self.assertRaises(KeyError):
            self.tb.render(template, self.state / "out", prot=1)

    def test_commands_before_up_say_so(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(testbed.main(["--state", str(self.state), "env"]), 1)
        self.assertRegex(err.getvalue(), f"nothing is up in {self.state}: run `.* up` first")


class Commands(support.StateCase):
    def test_a_failed_command_shows_the_end_of_its_output(self):
        with self.assertRaisesRegex(TestbedError, r"(?s)cooking failed \(exit code 4\):\n  burnt"):
            self.tb.run(["sh", "-c", "echo burnt >&2; exit 4"], what="cooking")

    def test_other_configurations_do_not_reach_it(self):
        with mock.patch.dict(os.environ, {"RUCIO_CONFIG": "/x", "X509_USER_PROXY": "/y", "PYTHONPATH": "/z"}):
            out = self.tb.run(["env"], what="env", env={"EXTRA": "1"})
        self.assertIn("EXTRA=1", out)
        self.assertNotRegex(out, "RUCIO_CONFIG|X509_USER_PROXY|PYTHONPATH")

    def test_a_missing_command_names_its_package(self):
        with mock.patch.object(packages.os, "geteuid", lambda: 1000):
            with self.assertRaisesRegex(TestbedError, "no-such-program is missing; install it with `sudo apt-get "
                                                      "install -y --no-install-recommends a b`, or run this with --install"):
                self.tb.need("no-such-program", "a", "b")

    def test_named_port(self):
        self.assertEqual(testbed.named_port("http=18000"), ("http", 18000))
        for text in ("http", "=1", "http=x", "http=0", "http=65536"):
            with self.subTest(text), self.assertRaises(testbed.argparse.ArgumentTypeError):
                testbed.named_port(text)


class Locks(support.StateCase):
    def test_another_process_waits(self):
        code = ("import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from lib.lock import locked\n"
                "with locked(Path(sys.argv[2])): print('mine', flush=True)")
        argv = [sys.executable, "-c", code, str(support.HERE), str(self.state / "lock" / "x")]
        with self.tb.lock("x"):
            other = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
            with self.assertRaises(subprocess.TimeoutExpired):
                other.wait(timeout=0.5)
        self.assertEqual(other.communicate(timeout=30)[0], "mine\n")

    def test_readers_share(self):
        with self.tb.lock("x", shared=True), self.tb.lock("x", shared=True):
            pass


if __name__ == "__main__":
    unittest.main()
