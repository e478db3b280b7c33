"""gunicorn for Rucio's Flask application; over TLS when TESTBED_TLS_DIR names the certificates."""

import os
import ssl

bind = os.environ["TESTBED_BIND"]
worker_class = "gthread"
workers = int(os.environ["TESTBED_WORKERS"])
threads = 8
timeout = 600
graceful_timeout = 5
keepalive = 5
limit_request_line = 8190
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True  # it is one per user: a second testbed would take it over

if os.environ.get("TESTBED_TLS_DIR"):
    _pki = os.environ["TESTBED_TLS_DIR"]
    certfile = _pki + "/hostcert.pem"
    keyfile = _pki + "/hostkey.pem"
    ca_certs = _pki + "/ca.pem"
    cert_reqs = ssl.CERT_OPTIONAL

    def ssl_context(conf, default_ssl_context_factory):
        """Accept RFC 3820 proxies: OpenSSL 3 has no environment variable for it any more."""
        context = default_ssl_context_factory()
        context.verify_flags |= ssl.VERIFY_ALLOW_PROXY_CERTS
        return context
