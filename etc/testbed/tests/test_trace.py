import importlib.util
import json
import socket
import sys
import unittest

import support
from lib import ports

spec = importlib.util.spec_from_file_location("sink", support.HERE / "trace" / "sink.py")
sink = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sink)


class Frames(unittest.TestCase):
    def read(self, *chunks):
        return list(sink.frames(iter([*chunks, b""]).__next__))

    def test_a_frame(self):
        self.assertEqual(self.read(b"SEND\ndestination:/topic/x\n\n{}\0"),
                         [("SEND", {"destination": "/topic/x"}, b"{}")])

    def test_frames_in_pieces_and_several_in_one(self):
        want = [("CONNECT", {"login": "u"}, b""), ("SEND", {}, b"1"), ("SEND", {}, b"2")]
        self.assertEqual(self.read(b"CONN", b"ECT\nlogin:u\n\n\0\nSEND\n\n1\0SE", b"ND\n\n2\0"), want)

    def test_carriage_returns(self):
        self.assertEqual(self.read(b"SEND\r\na:b\r\n\r\nx\0"), [("SEND", {"a": "b"}, b"x")])


class Sink(support.StateCase):
    def test_traces_are_answered_and_kept(self):
        port, file = self.tb.port("trace", 28613), self.state / "traces.jsonl"
        self.tb.spawn("trace", [sys.executable, support.HERE / "trace" / "sink.py", port, file])
        self.tb.ready("trace", lambda: ports.accepts(port))
        with socket.create_connection((ports.LOOPBACK, port), timeout=30) as sock:
            sock.sendall(b"CONNECT\n\n\0")
            self.assertTrue(sock.recv(1000).startswith(b"CONNECTED\n"))
            sock.sendall(b'SEND\n\n{"a":\n1}\0SEND\nreceipt:7\n\nnot json\0')
            self.assertEqual(sock.recv(1000), b"RECEIPT\nreceipt-id:7\n\n\0")
        self.assertEqual([json.loads(line) for line in file.read_text().splitlines()],
                         [{"a": 1}, {"not-json": "not json"}])


if __name__ == "__main__":
    unittest.main()
