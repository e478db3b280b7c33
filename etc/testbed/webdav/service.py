"""A WebDAV door over TLS for X.509 and bearer tokens, with a pool that it redirects to: nginx."""

from lib import pki, ports
from lib.state import HERE

NAME = "webdav"
PORT = 18220
POOL = "webdav.pool"
POOL_PORT = 18221
TOKEN = "webdav-token"


def start(tb):
    """Start nginx; ready at once."""
    pki.ensure(tb)
    if not tb.alive(NAME):
        nginx = tb.need("nginx", "nginx-light", "libnginx-mod-http-dav-ext")
        at = tb.dir(NAME)
        for folder in ("tmp", "data/readonly", "data/small", "data/full", "data/pool", "data/found"):
            tb.dir(NAME, folder)
        tb.render(HERE / "webdav/nginx.conf.in", at / "nginx.conf", dir=at, pki=pki.folder(tb), token=TOKEN,
                  door=tb.port(NAME, PORT), pool=tb.port(POOL, POOL_PORT))
        tb.spawn(NAME, [nginx, "-e", at / "error.log", "-c", at / "nginx.conf"])
    tb.ready(NAME, lambda: ports.accepts(tb.known_port(NAME)))


def env(tb):
    """Where it is; below /pool/ and /found/ it redirects, below /readonly/ it refuses, /small/ takes 1 KiB a file, /full/ is for a small disk."""
    return {"TESTBED_WEBDAV_URL": f"davs://localhost:{tb.known_port(NAME)}",
            "TESTBED_WEBDAV_TOKEN": TOKEN}
