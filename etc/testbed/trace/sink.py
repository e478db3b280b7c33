"""sink.py PORT FILE: a STOMP 1.1 broker that accepts everything and delivers nothing; the body of
each SEND (a trace, JSON) is appended to FILE as one line."""

import json
import socketserver
import sys
import threading

_write = threading.Lock()


def frames(read):
    """Yield (command, headers, body) of each frame that read() brings, until it brings nothing."""
    buffer = b""
    while chunk := read():
        buffer += chunk
        while b"\0" in buffer:
            frame, _, buffer = buffer.partition(b"\0")
            head, _, body = frame.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
            command, *lines = head.decode("utf-8", "replace").split("\n")
            yield command, dict(line.split(":", 1) for line in lines if ":" in line), body


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self):
        """Answer what a client waits for, keep what it sends."""
        for command, headers, body in frames(lambda: self.request.recv(65536)):
            if command in ("CONNECT", "STOMP"):
                self._send("CONNECTED\nversion:1.1\nheart-beat:0,0\n\n")
            elif command == "SEND":
                self._keep(body)
            if "receipt" in headers:
                self._send(f"RECEIPT\nreceipt-id:{headers['receipt']}\n\n")
            if command == "DISCONNECT":
                return

    def _send(self, frame):
        self.request.sendall(frame.encode() + b"\0")

    def _keep(self, body):
        text = body.decode("utf-8", "replace")
        try:
            line = json.dumps(json.loads(text))
        except ValueError:
            line = json.dumps({"not-json": text})
        with _write, open(self.server.file, "a", encoding="utf-8") as out:
            out.write(line + "\n")


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, file):
        self.file = file
        super().__init__(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    Server(int(sys.argv[1]), sys.argv[2]).serve_forever()
