import socket
import unittest

import support
from lib import ports
from lib.base import TestbedError


def free_but(*taken):
    return lambda port: port not in taken


class Choose(unittest.TestCase):
    def test_order_of_preference(self):
        for what, kwargs, want in (
            ("default", {}, 18000),
            ("the last one", {"last": 19000}, 19000),
            ("the last one is taken", {"last": 19000, "free": free_but(19000)}, 18000),
            ("default is taken", {"free": free_but(18000, 18001)}, 18002),
            ("default is promised", {"used": frozenset({18000})}, 18001),
            ("asked for", {"asked": 20000, "last": 19000}, 20000),
        ):
            with self.subTest(what):
                self.assertEqual(ports.choose("http", 18000, **{"free": free_but(), **kwargs}), want)

    def test_a_port_asked_for_and_taken_is_an_error_that_names_it(self):
        for kwargs in ({"free": free_but(20000)}, {"free": free_but(), "used": frozenset({20000})}):
            with self.assertRaisesRegex(TestbedError, "port 20000, asked for as the http port, is taken"):
                ports.choose("http", 18000, asked=20000, **kwargs)

    def test_nothing_free(self):
        with self.assertRaisesRegex(TestbedError, "no free port for http from 18000 to 18199"):
            ports.choose("http", 18000, free=lambda port: False)


class RealSockets(unittest.TestCase):
    def test_a_listening_port_is_not_free_and_accepts(self):
        with socket.socket() as sock:
            sock.bind((ports.LOOPBACK, 0))
            sock.listen()
            port = sock.getsockname()[1]
            self.assertFalse(ports.is_free(port))
            self.assertTrue(ports.accepts(port))
        self.assertTrue(ports.is_free(port))
        self.assertFalse(ports.accepts(port))


class Memory(support.StateCase):
    def test_a_port_stays_and_is_not_given_twice(self):
        first = self.tb.port("a", 28000)
        self.assertNotEqual(self.tb.port("b", 28000), first)
        self.assertEqual(self.tb.port("a", 29000), first)
        self.assertEqual(self.tb.known_port("a"), first)

    def test_a_running_server_does_not_change_its_port(self):
        self.tb.port("a", 28000)
        self.tb.asked_ports = {"a": 28500}
        with self.assertRaisesRegex(TestbedError, "not 28500, and its server runs: run `down` first"):
            self.tb.check_ports()

    def test_unknown_port(self):
        with self.assertRaisesRegex(TestbedError, "no port is known for a"):
            self.tb.known_port("a")


if __name__ == "__main__":
    unittest.main()
