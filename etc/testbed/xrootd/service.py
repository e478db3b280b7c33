"""XRootD servers of Debian's packages: a (no login), b (unix, host), c (GSI), d (bearer tokens in TLS), and a cluster of a
manager and two servers."""

import base64
import contextlib
import json
import os
import pwd
import shutil
import sqlite3
import string
import subprocess
import time
import uuid

from lib import pki, ports
from lib.base import TestbedError
from lib.envfile import write_atomic
from lib.state import HERE

NAME = "xrootd"
USER = "xrootd"  # made by Debian's package; XRootD refuses to run as root
PACKAGES = ("xrootd-server", "xrootd-client", "xrootd-server-plugins", "xrootd-client-plugins",
            "xrootd-scitokens-plugins", "libscitokens0")
SINGLE = {"a": 18200, "b": 18201, "c": 18202, "d": 18203}
HTTP = {"a": 18210, "c": 18212, "d": 18213}
CLUSTER = {"manager": 18220, "server1": 18221, "server2": 18222}
CMS = 18230
ISSUER = "https://localhost/testbed/"  # nobody is asked: its key is in the server's cache


def start(tb):
    """Write the configurations, and start the servers and the cluster."""
    program = tb.need("xrootd", *PACKAGES)
    cmsd = tb.need("cmsd", *PACKAGES)
    tb.need("xrdcp", *PACKAGES)
    pki.ensure(tb)
    home = _prepare(tb)
    own = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []
    env = {"XDG_CACHE_HOME": home / "cache", "HOME": home}
    for name, port in {**SINGLE, **CLUSTER}.items():
        config = _configure(tb, home, name, port)
        tb.spawn(f"{NAME}.{name}", [*own, program, "-c", config], env=env, cwd=home)
        if name in CLUSTER:
            tb.spawn(f"{NAME}.cms-{name}", [*own, cmsd, "-c", config], env=env, cwd=home)
    for name in [*SINGLE, *CLUSTER]:
        tb.ready(f"{NAME}.{name}", lambda name=name: ports.accepts(tb.known_port(f"{NAME}-{name}")))
    tb.ready(f"{NAME}.cms-manager", lambda: _located(tb))


def env(tb):
    """Where they are, and the token for d."""
    def url(name, host="localhost"):
        return f"root://{host}:{tb.known_port(f'{NAME}-{name}')}/"
    home = tb.state / NAME
    return {"TESTBED_XROOTD_URL": url("a"), "TESTBED_XROOTD_UNIX_URL": url("b"), "TESTBED_XROOTD_GSI_URL": url("c"),
            "TESTBED_XROOTD_TOKEN_URL": url("d"), "TESTBED_XROOTD_CLUSTER_URL": url("manager"),
            "TESTBED_XROOTD_HTTP_URL": f"http://localhost:{tb.known_port('xrootd-http-a')}",
            "TESTBED_XROOTD_HTTPS_URL": f"https://localhost:{tb.known_port('xrootd-http-d')}",
            "TESTBED_XROOTD_X509_URL": f"https://localhost:{tb.known_port('xrootd-http-c')}",
            "TESTBED_XROOTD_TOKEN": home / "token", "TESTBED_XROOTD_DATA": home / "data",
            "TESTBED_XROOTD_CA": pki.folder(tb) / "ca.pem", "TESTBED_XROOTD_CERT_DIR": pki.folder(tb) / "certificates",
            "TESTBED_XROOTD_PROXY": pki.folder(tb) / "proxy.pem"}


def _prepare(tb):
    """The folders and files that all share, owned by the user who runs the servers."""
    home = tb.dir(NAME)
    keys = pki.folder(tb)
    for part in ("cache", *(f"{kind}/{name}" for name in [*SINGLE, *CLUSTER] for kind in ("data", "admin"))):
        tb.dir(NAME, *part.split("/"))
    write_atomic(home / "authdb", "u * /readonly rl / a\n")
    write_atomic(home / "grid-mapfile", f'"{pki.USER}" testuser\n')
    tb.render(HERE / NAME / "conf/scitokens.cfg.in", home / "scitokens.cfg", issuer=ISSUER)
    for name in ("hostcert.pem", "hostkey.pem"):
        shutil.copyfile(keys / name, home / name)
    os.chmod(home / "hostkey.pem", 0o400)
    _token(tb, home)
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        for folder, _, files in os.walk(home):
            for path in [folder, *(os.path.join(folder, f) for f in files)]:
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        shutil.chown(home / "token", 0, 0)  # clients want it to be theirs alone
    return home


def _configure(tb, home, name, port):
    """Choose the ports of a server, write its configuration and return its path."""
    if tb.alive(f"{NAME}.{name}"):
        return home / f"{name}.cfg"
    values = {"home": home, "name": name, "certificates": pki.folder(tb) / "certificates",
              "port": tb.port(f"{NAME}-{name}", port)}
    if name in HTTP:
        values["http_port"] = tb.port(f"{NAME}-http-{name}", HTTP[name])
    if name in CLUSTER:
        cms = f"{NAME}-cms"
        values["cms_port"] = tb.port(cms, CMS) if name == "manager" else tb.known_port(cms)
    template = name.rstrip("0123456789")
    parts = [template] if name in CLUSTER else ["common", template]
    text = "".join((HERE / NAME / f"conf/{part}.cfg.in").read_text() for part in parts)
    write_atomic(home / f"{name}.cfg", string.Template(text).substitute(values))
    return home / f"{name}.cfg"


def _located(tb):
    """Report whether the manager knows both servers."""
    try:
        found = tb.run(["xrdfs", f"localhost:{tb.known_port(f'{NAME}-manager')}", "locate", "*"],
                       what="asking the manager for its servers")
    except TestbedError:
        return False
    return len(found.splitlines()) == 2


def _token(tb, home):
    """Make the issuer's key unless it is there, a token for everything, and the entry in the servers' cache of keys that
    tells them the key, so that they need not ask the issuer."""
    key = tb.dir(NAME) / "issuer.key"
    if not key.exists():
        tb.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], what="making the issuer's key")
    public = subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout[-64:]
    jwk = {"kty": "EC", "crv": "P-256", "x": _b64(public[:32]), "y": _b64(public[32:]), "kid": "k1", "use": "sig", "alg": "ES256"}
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": "testbed", "aud": "https://wlcg.cern.ch/jwt/v1/any", "iat": now, "nbf": now - 60,
              "exp": now + 400 * 86400, "jti": str(uuid.uuid4()), "wlcg.ver": "1.0",
              "scope": "storage.read:/ storage.modify:/ storage.create:/"}
    signed = ".".join(_b64(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims))
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed.encode(), check=True,
                         capture_output=True).stdout
    (home / "token").touch(0o600)
    (home / "token").write_text(f"{signed}.{_b64(_raw(der))}")
    cache = tb.dir(NAME, "cache", "scitokens") / "scitokens_cpp.sqllite"
    with contextlib.closing(sqlite3.connect(cache)) as db, db:
        db.execute("create table if not exists keycache (issuer text unique primary key not null, keys text not null)")
        keys = {"expires": now + 400 * 86400, "next_update": now + 300 * 86400, "jwks": {"keys": [jwk]}}
        db.execute("insert or replace into keycache values (?, ?)", (ISSUER, json.dumps(keys)))


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(der):
    """The two numbers of an ECDSA signature as a JWT has them: 32 bytes each, out of their DER."""
    numbers, rest = b"", der[2:]
    for _ in range(2):
        size = rest[1]
        numbers += rest[2:2 + size].lstrip(b"\0").rjust(32, b"\0")
        rest = rest[2 + size:]
    return numbers
