"""Rucio's own Flask application, plus what Apache's mod_ssl does for it in production: the name
of the verified client certificate in SSL_CLIENT_S_DN (RFC 2253 order)."""

import os
from pathlib import Path

import sqlite_writers
from cryptography import x509

sqlite_writers.install()  # before Rucio makes its first session

from rucio.web.rest.flaskapi.v1.main import application as rucio_application  # noqa: E402

# Which configuration this worker has read; `reload` waits until it is the new one that answers.
_GENERATION = Path(os.environ["RUCIO_HOME"], "etc", "generation").read_text(encoding="utf-8").strip()


def application(environ, start_response):
    """The WSGI entry point."""
    if environ.get("PATH_INFO") == "/testbed/generation":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [_GENERATION.encode()]
    environ.pop("SSL_CLIENT_S_DN", None)
    if environ.get("PATH_INFO", "").startswith(("/auth/x509", "/identities")):  # who reads it
        name = _client_name(environ.get("gunicorn.socket"))
        if name:
            environ["SSL_CLIENT_S_DN"] = name
    return rucio_application(environ, start_response)


def _client_name(sock):
    """Return the subject of the certificate that the TLS handshake verified, None without one."""
    certificate = sock.getpeercert(True) if hasattr(sock, "getpeercert") else None
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string() if certificate else None
