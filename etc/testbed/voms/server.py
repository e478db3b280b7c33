"""A VOMS server with one member, the testbed's user, who is in the VO, in its group `prod`, and may be `production`.

The attribute certificates are real ones, made by voms-proxy-fake; this program answers as a VOMS server does on the wire:
REST (GET /generate-ac) on one port, the older XML protocol on the other."""

import argparse
import base64
import os
import re
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509

ATTRIBUTES = x509.ObjectIdentifier("1.3.6.1.4.1.8005.100.100.5")  # in a proxy: SEQUENCE OF SEQUENCE OF certificates
MOST_HOURS = 24


class Refused(Exception):
    """No attributes, and why: a REST code, a number of the older protocol, a sentence."""


def main():
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    for name in ("vo", "voms-proxy-fake", "keys", "work"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("rest", "legacy"):
        parser.add_argument(f"--{name}", required=True, type=int)
    args = parser.parse_args()
    authority = Authority(args.vo, args.voms_proxy_fake, Path(args.keys), args.work, args.rest)
    rest = Server(args.rest, answer_rest, authority)
    threading.Thread(target=Server(args.legacy, answer_legacy, authority).serve_forever, daemon=True).start()
    rest.serve_forever()


class Authority:
    """Knows the members and makes attribute certificates."""

    def __init__(self, vo, program, keys, work, port):
        self.vo, self.program, self.keys, self.work, self.port = vo, program, keys, work, port
        self.member = x509.load_pem_x509_certificate((keys / "usercert.pem").read_bytes())
        self.fqans = {f"/{vo}", f"/{vo}/prod", f"/{vo}/Role=production"}

    def attributes(self, peer: bytes, fqans: list[str], lifetime: int) -> bytes:
        """Return the attribute certificate for a client, in DER."""
        client = x509.load_der_x509_certificate(peer)
        if self.member.subject.rfc4514_string() not in (client.subject.rfc4514_string(), client.issuer.rfc4514_string()):
            raise Refused("NoSuchUser", 1001, f"{self.vo}: User unknown to this VO.")
        wanted = [fqan.removesuffix("/Role=NULL") for fqan in fqans] or [f"/{self.vo}"]
        for fqan in wanted:
            if fqan not in self.fqans:
                raise Refused("NoSuchAttribute", 1002, f"{self.vo}: User does not have {fqan}.")
        wanted += [fqan for fqan in sorted(self.fqans) if "/Role=" not in fqan and fqan not in wanted]
        return self._make(wanted, min(max(lifetime // 3600, 1), MOST_HOURS))

    def _make(self, fqans, hours):
        keys = self.keys
        command = [self.program, "-rfc", "-voms", self.vo, "-uri", f"localhost:{self.port}",
                   "-hours", str(hours), "-vomslife", str(hours), "-certdir", keys / "certificates",
                   "-cert", keys / "usercert.pem", "-key", keys / "userkey.pem",
                   "-hostcert", keys / "hostcert.pem", "-hostkey", keys / "hostkey.pem"]
        for fqan in fqans:
            role = "" if "/Role=" in fqan else "/Role=NULL"
            command += ["-fqan", f"{fqan}{role}/Capability=NULL"]
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            out = Path(folder, "proxy")
            done = subprocess.run([*command, "-out", out], env={**os.environ, "HOME": folder}, check=False,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if not out.exists():
                raise RuntimeError(f"voms-proxy-fake: {done.stdout.decode()}")
            proxy = x509.load_pem_x509_certificate(out.read_bytes())
        return _contents(_contents(proxy.extensions.get_extension_for_oid(ATTRIBUTES).value.value))


def _contents(der: bytes) -> bytes:
    """Return what is in a DER value."""
    return der[2 + (der[1] & 127 if der[1] > 127 else 0):]


class Server(socketserver.ThreadingTCPServer):
    """Speaks TLS with clients that show a certificate, proxies included."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, answer, authority):
        self.answer, self.authority = answer, authority
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(authority.keys / "hostcert.pem", authority.keys / "hostkey.pem")
        self.tls.load_verify_locations(authority.keys / "ca.pem")
        self.tls.verify_mode = ssl.CERT_REQUIRED
        self.tls.verify_flags |= ssl.VERIFY_ALLOW_PROXY_CERTS
        super().__init__(("127.0.0.1", port), Handler)


class Handler(socketserver.BaseRequestHandler):
    """One connection, one answer."""

    def handle(self):
        self.request.settimeout(30)
        try:
            with self.server.tls.wrap_socket(self.request, server_side=True) as conn:
                answer = self.server.answer(self.server.authority, conn.getpeercert(True), _read(conn))
                if answer:
                    conn.sendall(answer)
                    conn.unwrap()
        except OSError as err:
            print(f"{self.client_address}: {err}", file=sys.stderr, flush=True)


def _read(conn):
    """Read an HTTP request without a body, or an XML document, in as many parts as it comes. voms-proxy-init ends
    lines its own way, and sends a 0 before both, which once asked for less trust."""
    text = ""
    while not text.replace("\r", "").endswith(("\n\n", "</voms>")):
        part = conn.recv(65536)
        if not part:
            break
        text += part.decode("latin-1")
    return text.removeprefix("0")


def answer_rest(authority, peer, request):
    """Answer GET /generate-ac?fqans=/vo,/vo/Role=r&lifetime=43200."""
    match = re.match(r"GET (\S+) HTTP/1", request)
    url = urllib.parse.urlsplit(match[1] if match else "")
    query = urllib.parse.parse_qs(url.query)
    if url.path != "/generate-ac":
        return _http("404 Not Found", "no such page")
    try:
        fqans = [fqan for fqan in query.get("fqans", [""])[0].split(",") if fqan]
        ac = authority.attributes(peer, fqans, int(query.get("lifetime", ["43200"])[0]))
    except Refused as refused:
        code, _, text = refused.args
        status = "403 Forbidden" if code == "NoSuchUser" else "400 Bad Request"
        return _http(status, f"<voms><error><code>{code}</code><message>{escape(text)}</message></error></voms>")
    return _http("200 OK", f"<voms><ac>{base64.b64encode(ac).decode()}</ac></voms>")


def _http(status, text):
    body = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}'.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def answer_legacy(authority, peer, request):
    """Answer the XML of voms-proxy-init; anything else gets no answer, as of Debian's vomsd."""
    if not request.startswith("<?xml"):
        return b""
    fqans = [_fqan(command) for command in re.findall(r"<command>([^<]*)</command>", request)]
    lifetime = re.search(r"<lifetime>(\d+)</lifetime>", request)
    try:
        ac = authority.attributes(peer, [f for f in fqans if f], int(lifetime[1]) if lifetime else 43200)
    except Refused as refused:
        _, number, text = refused.args
        return _vomsans(f"<error><item><number>{number}</number><message>{escape(text)}</message></item></error>"
                        "<ac>QQ==\n</ac>")
    return _vomsans(f"<ac>{base64.encodebytes(ac).decode()}</ac>")  # in lines: OpenSSL reads no others


def _fqan(command):
    """A: everything; G/vo/group: a group; B/vo/group:role: a role in it."""
    kind, rest = command[:1], command[1:]
    if kind == "B":
        group, _, role = rest.partition(":")
        return f"{group}/Role={role}"
    return rest if kind == "G" else ""


def _vomsans(text):
    return f'<?xml version="1.0" encoding = "US-ASCII"?><vomsans><version>3</version>{text}</vomsans>'.encode()


if __name__ == "__main__":
    main()
