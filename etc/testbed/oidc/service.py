"""An OpenID provider that Rucio trusts: provider/, a Go program on the library zitadel/oidc."""

import hashlib
import json
from pathlib import Path

from lib import pki
from lib.envfile import write_atomic

NAME = "oidc"
PORT = 18101
AT = Path(__file__).parent
CLIENT = "rucio-server-rotating"  # how Rucio's server calls itself; provider/client.go says what the words mean


def start(tb):
    """Build and start the provider, and make Rucio's server trust it."""
    tb.need("oidc-gen", "oidc-agent-cli", about="tests read the configurations that it writes")
    if not tb.alive(NAME):
        tb.port(NAME, PORT)
        tb.spawn(NAME, [_program(tb), "-listen", f"127.0.0.1:{tb.known_port(NAME)}", "-issuer", issuer(tb),
                        "-cert", _keys(tb) / "hostcert.pem", "-key", _keys(tb) / "hostkey.pem",
                        "-signing-key", tb.dir(NAME) / "signing.der",
                        "-redirect-uris", ",".join([*_redirects(tb), "http://localhost:4242"])])
    tb.ready(NAME, lambda: tb.http_ok(issuer(tb) + "/.well-known/openid-configuration", _keys(tb) / "ca.pem"))
    _trust(tb)


def env(tb):
    """Where it is."""
    return {"TESTBED_OIDC_URL": issuer(tb)}


def issuer(tb):
    """The provider's name, which tokens carry."""
    return f"https://localhost:{tb.known_port(NAME)}"


def _keys(tb):
    return pki.folder(tb)


def _redirects(tb):
    """Where Rucio's server awaits browsers that come back."""
    server = f"https://localhost:{tb.known_port('tls')}"
    return [f"{server}/auth/oidc_code", f"{server}/auth/oidc_token"]


def _program(tb):
    """Build the provider, unless it was built from these sources before."""
    sources = [p for p in sorted((AT / "provider").iterdir()) if p.suffix in (".go", ".mod", ".sum")]
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:16]
    program = tb.dir("cache", NAME) / f"provider-{digest}"
    if not program.exists():
        go = tb.need("go", "golang-go", about="Go 1.26 or newer builds the OpenID provider")
        tb.run([go, "build", "-o", program, "."], cwd=AT / "provider", what="building the OpenID provider")
    return program


def _trust(tb):
    """Tell Rucio's server of the provider, and of the client that it is there; idpsecrets.json is Rucio's format."""
    client = {"client_id": CLIENT, "client_secret": f"{CLIENT}-secret"}
    secrets = {"testbed": {"issuer": issuer(tb), "redirect_uris": _redirects(tb), **client,
                           "SCIM": {**client, "grant_type": "client_credentials"}}}
    file = tb.dir("etc") / "idpsecrets.json"
    section = (f"[oidc]\nidpsecrets = {file}\nadmin_issuer = testbed\n"
               "expected_audience = rucio\nexpected_scope = openid profile\n")
    wanted = {file: json.dumps(secrets, indent=1) + "\n", tb.dir("etc", "extra.d") / f"{NAME}.cfg": section}
    if any(not path.exists() or path.read_text() != text for path, text in wanted.items()):
        for path, text in wanted.items():
            write_atomic(path, text)
        tb.service("rucio").reload(tb)
