"""An S3 endpoint over TLS, and another one that takes no writes: the Versity gateway on a folder, built once from its source."""

import shutil
import tempfile
from pathlib import Path

from lib import pki, ports
from lib.base import say

NAME = "s3"
PORT = 18230
VERSION = "v1.8.0"
BUCKET = "testbed"
READONLY = f"{NAME}.readonly"
READONLY_PORT = 18231
ACCESS, SECRET = "testbed-key", "testbed-secret"


def start(tb):
    """Build the gateway, run it, and give it a bucket: a folder of its root is one."""
    pki.ensure(tb)
    program = _program(tb)
    data, keys = tb.dir(NAME, "data"), pki.folder(tb)
    tb.dir(NAME, "data", BUCKET)
    for name, default, how in (NAME, PORT, []), (READONLY, READONLY_PORT, ["--readonly"]):
        if not tb.alive(name):
            port = tb.port(name, default)
            tb.spawn(name, [program, "--port", f"127.0.0.1:{port}", "--quiet", "--keep-alive", *how,
                            "--cert", keys / "hostcert.pem", "--key", keys / "hostkey.pem", "posix", data],
                     env={"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET})
        tb.ready(name, lambda name=name: ports.accepts(tb.known_port(name)))


def env(tb):
    """Where the bucket is, there and where it takes no writes, and its keys."""
    return {"TESTBED_S3_URL": f"s3://localhost:{tb.known_port(NAME)}/{BUCKET}",
            "TESTBED_S3_READONLY_URL": f"s3://localhost:{tb.known_port(READONLY)}/{BUCKET}",
            "TESTBED_S3_ACCESS_KEY": ACCESS, "TESTBED_S3_SECRET_KEY": SECRET}


def _program(tb):
    """Return the gateway's program; Go builds it in a minute or two, once for each version."""
    program = tb.dir("cache", NAME) / f"versitygw-{VERSION}"
    if not program.exists():
        go = tb.need("go", "golang-go", about="Go 1.26 or newer builds the S3 gateway")
        say("building the S3 gateway (once)")
        with tempfile.TemporaryDirectory(dir=program.parent) as folder:
            tb.run([go, "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"],
                   env={"GOBIN": folder, "GOFLAGS": "-mod=mod"}, what="building the S3 gateway")
            shutil.move(Path(folder) / "versitygw", program)
    return program
