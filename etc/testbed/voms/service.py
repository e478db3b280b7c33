"""A VOMS server for the VO `testbed`: server.py, which gives the real attribute certificates that Debian's
voms-proxy-fake makes. One port speaks REST only, as IAM does, the other the older protocol only, as Debian's vomsd does."""

from lib import pki, ports, venv
from lib.envfile import write_atomic
from lib.state import HERE

NAME = "voms"
VO = "testbed"
PORTS = {"voms": 18150, "voms-legacy": 18151}


def start(tb):
    """Start the server, and write what clients need to know of it."""
    fake = tb.need("voms-proxy-fake", "voms-clients", about="it makes the attribute certificates")
    venv.ensure(tb)
    pki.ensure(tb)
    keys = pki.folder(tb)
    if not tb.alive(NAME):
        for name, default in PORTS.items():
            tb.port(name, default)
        tb.spawn(NAME, [venv.python(tb), HERE / NAME / "server.py", "--vo", VO, "--voms-proxy-fake", fake,
                        "--rest", tb.known_port("voms"), "--legacy", tb.known_port("voms-legacy"),
                        "--keys", keys, "--work", tb.dir(NAME, "work")])
    for name in PORTS:
        tb.ready(NAME, lambda name=name: ports.accepts(tb.known_port(name)))
        line = f'"{VO}" "localhost" "{tb.known_port(name)}" "{pki.BASE}/CN=localhost" "{VO}"\n'
        write_atomic(tb.dir(NAME) / f"{name}.vomses", line)
    write_atomic(tb.dir(NAME, "vomsdir", VO) / "localhost.lsc", f"{pki.BASE}/CN=localhost\n{pki.BASE}/CN=Testbed CA\n")


def env(tb):
    """Where its vomses files and its vomsdir are."""
    return {"TESTBED_VOMS_VO": VO, "TESTBED_VOMSES": tb.dir(NAME) / "voms.vomses",
            "TESTBED_VOMSES_LEGACY": tb.dir(NAME) / "voms-legacy.vomses", "TESTBED_VOMSDIR": tb.dir(NAME, "vomsdir")}
