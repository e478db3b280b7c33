"""A real Rucio server on loopback, over http and over https, with test data."""

import os
import signal
import sys

from lib import pki, venv
from lib.base import TestbedError, say
from lib.envfile import write_atomic
from lib.state import HERE

PORTS = {"http": 18000, "tls": 18443}
AT = HERE / "rucio"
CLIENTS = {"userpass": ("userpass", "http"), "userpass-tls": ("userpass", "tls"), "x509": ("x509", "tls"),
           "x509_proxy": ("x509_proxy", "tls"), "ssh": ("ssh", "tls")}
POSTGRES_OPTIONS = """schema = dev
pool_size = 20
max_overflow = 20
pool_recycle = 3600
pool_reset_on_return = rollback"""


def start(tb):
    """Make what is missing, in order: Python, keys, configuration, database, servers, test data."""
    _choose_ports(tb)  # before the long part, for a port that is asked for and taken
    venv.ensure(tb)
    pki.ensure(tb)
    _choose_ports(tb)  # another may have taken one meanwhile
    if not _generation(tb).exists():
        write_atomic(_generation(tb), "1\n")
    _configure(tb)
    _once(tb, "bootstrapped", _bootstrap)
    for name in PORTS:
        tb.spawn(f"rucio.{name}", _server(tb), env=_server_env(tb, name))
    for name in PORTS:
        tb.ready(f"rucio.{name}", lambda name=name: answers(tb, name))
    say("Rucio answers over http and https")
    _once(tb, "seeded", _seed)


def stop(tb):
    """Stop both servers at once, without waiting for kept-alive connections; the database stays."""
    tb.stop(*(f"rucio.{name}" for name in PORTS), how=signal.SIGQUIT)


def check(tb):
    """Return what is wrong with the running servers, or nothing."""
    silent = [url(tb, name) for name in PORTS if not answers(tb, name)]
    return f"no answer from {', '.join(silent)}" if silent else ""


def reload(tb):
    """Make the servers read their configuration again without closing their ports, and return when they
    have. For services that change it: put sections of rucio.cfg into etc/extra.d/NAME.cfg first."""
    with tb.lock("rucio-reload"):
        file = _generation(tb)
        new = str(int(file.read_text()) + 1)
        write_atomic(file, new + "\n")
        _configure(tb)
        for name in PORTS:
            tb.send_signal(f"rucio.{name}", signal.SIGHUP)
        for name in PORTS:
            tb.ready(f"rucio.{name}", lambda name=name: _get(tb, name, "/testbed/generation") == new)


def env(tb):
    """Addresses and credentials; the RUCIO_* ones configure the real Python client and our binary."""
    keys = pki.folder(tb)
    http = url(tb, "http")
    return {
        "TESTBED_HTTP_URL": http,
        "TESTBED_TLS_URL": url(tb, "tls"),
        "TESTBED_CA": keys / "ca.pem",
        "TESTBED_CERT_DIR": keys / "certificates",
        "TESTBED_USER_CERT": keys / "usercert.pem",
        "TESTBED_USER_KEY": keys / "userkey.pem",
        "TESTBED_PROXY": keys / "proxy.pem",
        "TESTBED_SSH_KEY": keys / "ssh_key",
        "TESTBED_PYTHON": venv.python(tb),
        "TESTBED_USERNAME": "ddmlab",
        "TESTBED_PASSWORD": "secret",
        "TESTBED_ACCOUNT": "root",
        "TESTBED_DB": database(tb),
        "RUCIO_CONFIG": tb.state / "client" / "userpass.cfg",
        "RUCIO_CFG_CLIENT_RUCIO_HOST": http,
        "RUCIO_CFG_CLIENT_AUTH_HOST": http,
        "RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass",
        "RUCIO_CFG_CLIENT_USERNAME": "ddmlab",
        "RUCIO_CFG_CLIENT_PASSWORD": "secret",
        "RUCIO_CFG_CLIENT_ACCOUNT": "root",
        "RUCIO_CFG_CLIENT_CA_CERT": keys / "ca.pem",
    }


def url(tb, name):
    """Return the address: the certificate is for localhost, plain http avoids looking that up."""
    return f"{'https://localhost' if name == 'tls' else 'http://127.0.0.1'}:{tb.known_port(name)}"


def answers(tb, name):
    """Report whether /ping answers."""
    return _get(tb, name, "/ping") is not None


def _get(tb, name, path):
    """Return what the server answers, None when it does not."""
    return tb.get(url(tb, name) + path, pki.folder(tb) / "ca.pem" if name == "tls" else None)


def _generation(tb):
    return tb.state / "etc" / "generation"


def server_env(tb):
    """Return the variables for everything that runs Rucio's server code: servers, daemons, scripts."""
    bundle = tb.state / "etc" / "ca-bundle.pem"
    return {"RUCIO_HOME": tb.state, "RUCIO_CONFIG": tb.state / "etc" / "rucio.cfg", "REQUESTS_CA_BUNDLE": bundle}


def database(tb):
    """Return sqlite or postgres: the choice of the first `up` stays."""
    asked, file = tb.options.get("db"), tb.state / "etc" / "database"
    chosen = file.read_text().strip() if file.exists() else None
    if asked and chosen and asked != chosen:
        raise TestbedError(f"the testbed in {tb.state} has a {chosen} database, not {asked}: "
                           f"run `down --wipe` first, or use another --state")
    if not chosen:
        chosen = asked or "sqlite"
        write_atomic(file, chosen + "\n")
    return chosen


def _choose_ports(tb):
    for name, default in PORTS.items():
        if not tb.alive(f"rucio.{name}"):
            tb.port(name, default)


def _server(tb):
    return [venv.python(tb), "-m", "gunicorn", "-c", AT / "gunicorn.conf.py", "--chdir", tb.state,
            "--pythonpath", AT, "wsgi:application"]


def _server_env(tb, name):
    workers = os.environ.get("TESTBED_WORKERS") or ("2" if name == "http" else "1")
    tls = {"TESTBED_TLS_DIR": pki.folder(tb)} if name == "tls" else {}
    return {**server_env(tb), "TESTBED_BIND": f"127.0.0.1:{tb.known_port(name)}", "TESTBED_WORKERS": workers, **tls}


def _once(tb, name, step):
    done = tb.dir("run") / name
    if not done.exists():
        step(tb)
        done.touch()
        say(f"Rucio {name}")


def _bootstrap(tb):
    if database(tb) == "sqlite":
        for old in tb.state.glob("rucio.db*"):
            old.unlink()
    tb.run([venv.python(tb), AT / "bootstrap.py", database(tb)], env=server_env(tb), what="making Rucio's database")


def _seed(tb):
    client = {"RUCIO_HOME": tb.state, "RUCIO_CONFIG": tb.state / "client" / "userpass.cfg"}
    tb.run([venv.python(tb), AT / "seed.py"], env=client, what="seeding Rucio with test data")


def _configure(tb):
    """Write the configuration of server and clients; ports may differ from those of the last start."""
    for part in ("etc", "client", "tmp", "storage"):
        tb.dir(part)
    tb.dir("log", "trace")
    keys = pki.folder(tb)
    extra = sorted(tb.dir("etc", "extra.d").glob("*.cfg"))
    common = {"state": tb.state, "pki": keys}
    db_url, options = _database_url(tb)
    tb.render(AT / "conf" / "rucio.cfg.in", tb.state / "etc" / "rucio.cfg", **common, venv=venv.path(tb),
              http_url=url(tb, "http"), db_url=db_url, db_options=options, trace_port=tb.known_port("trace"),
              ssh_public_key=(keys / "ssh_key.pub").read_text().strip(),
              extra="\n".join(path.read_text() for path in extra))
    version = "python{}.{}".format(*sys.version_info)
    tb.render(AT / "conf" / "alembic.ini.in", tb.state / "etc" / "alembic.ini", db_url=db_url,
              site_packages=venv.path(tb) / "lib" / version / "site-packages",
              schema="version_table_schema = dev" if options else "")
    for name, (auth_type, port) in CLIENTS.items():
        tb.render(AT / "conf" / "client.cfg.in", tb.state / "client" / f"{name}.cfg", **common, name=name,
                  auth_type=auth_type, url=url(tb, port))
    _bundle(tb, keys)


def _bundle(tb, keys):
    """Our CA plus those of the system, so that the server trusts an issuer of tokens in the testbed."""
    system = [p for p in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
              if os.path.exists(p)]
    text = (keys / "ca.pem").read_text()
    if system:
        with open(system[0], encoding="utf-8") as more:
            text += more.read()
    write_atomic(tb.state / "etc" / "ca-bundle.pem", text)


def _database_url(tb):
    if database(tb) == "postgres":
        tb.up("postgres")
        return f"postgresql+psycopg://rucio@127.0.0.1:{tb.known_port('postgres')}/rucio", POSTGRES_OPTIONS
    return f"sqlite:///{tb.state}/rucio.db?timeout=60", ""
