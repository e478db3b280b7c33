"""A Kerberos realm (MIT's krb5kdc), and a Rucio server that takes its tickets at /auth/gss: the testbed's own, with wsgi.py
around it in place of Apache's mod_auth_gssapi."""

from lib import pki, ports, venv
from lib.envfile import write_atomic
from lib.state import HERE

NAME = "kdc"
REALM = "RUCIO.TESTBED"
PORTS = {"kdc": 18088, "gss": 18444}
AT = HERE / NAME
USER, STRANGER, SERVICE = f"ddmlab@{REALM}", f"nobody@{REALM}", f"HTTP/localhost@{REALM}"
PASSWORD = "secret"


def start(tb):
    """Make the realm and its principals; start the KDC, and the server."""
    tb.need("kadmin.local", "krb5-kdc", "krb5-admin-server", about="the Kerberos realm")
    tb.need("kinit", "krb5-user", about="tests get tickets with it")
    kdc = tb.need("krb5kdc", "krb5-kdc")
    if not tb.alive("kdc"):
        tb.port("kdc", PORTS["kdc"])
    if not tb.alive("kdc.rucio"):
        tb.port("gss", PORTS["gss"])
    _configure(tb)
    _realm(tb)
    tb.spawn("kdc", [kdc, "-n", "-r", REALM, "-P", tb.dir(NAME) / "pid"], env=_variables(tb))
    tb.ready("kdc", lambda: ports.accepts(tb.known_port("kdc")))
    rucio = tb.service("rucio")
    tb.spawn("kdc.rucio", [venv.python(tb), "-m", "gunicorn", "-c", HERE / "rucio/gunicorn.conf.py", "--chdir", tb.state,
                           "--pythonpath", f"{AT},{HERE / 'rucio'}", "kerberos:application"],
             env={**rucio.server_env(tb), **_variables(tb), "KRB5_KTNAME": _keytab(tb, "http"), "TESTBED_WORKERS": "1",
                  "TESTBED_BIND": f"127.0.0.1:{tb.known_port('gss')}", "TESTBED_TLS_DIR": pki.folder(tb)})
    tb.ready("kdc.rucio", lambda: tb.http_ok(_url(tb) + "/ping", pki.folder(tb) / "ca.pem"))
    _register(tb)


def env(tb):
    """The configuration, a user's keytab and its password; and one whom Rucio does not know."""
    return {"TESTBED_KRB5_CONFIG": tb.dir(NAME) / "krb5.conf", "TESTBED_KRB5_REALM": REALM, "TESTBED_KRB5_USER": USER,
            "TESTBED_KRB5_PASSWORD": PASSWORD, "TESTBED_KRB5_KEYTAB": _keytab(tb, "user"),
            "TESTBED_KRB5_STRANGER_KEYTAB": _keytab(tb, "stranger"), "TESTBED_GSS_URL": _url(tb)}


def _url(tb):
    return f"https://localhost:{tb.known_port('gss')}"


def _keytab(tb, name):
    return tb.dir(NAME) / f"{name}.keytab"


def _variables(tb):
    return {"KRB5_CONFIG": tb.dir(NAME) / "krb5.conf", "KRB5_KDC_PROFILE": tb.dir(NAME) / "kdc.conf"}


def _configure(tb):
    """Tell where the KDC is and what it keeps where; the port may differ from that of the last start."""
    at, port = tb.dir(NAME), tb.known_port("kdc")
    write_atomic(at / "krb5.conf", f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1

[realms]
 {REALM} = {{
  kdc = 127.0.0.1:{port}
 }}

[domain_realm]
 localhost = {REALM}
""")
    write_atomic(at / "kdc.conf", f"""[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}

[realms]
 {REALM} = {{
  database_name = {at}/principal
  key_stash_file = {at}/stash
  acl_file = {at}/kadm5.acl
  default_principal_flags = +preauth
  max_life = 12h
  max_renewable_life = 7d
 }}

[logging]
 kdc = STDERR
""")


def _realm(tb):
    """Make the database, the principals and their keytabs, once."""
    at = tb.dir(NAME)
    if (at / "complete").exists():
        return
    for old in at.glob("principal*"):
        old.unlink()
    tb.run(["kdb5_util", "-r", REALM, "create", "-s", "-P", "master"], env=_variables(tb), what="making the realm")
    for name, principal, secret in (("http", SERVICE, ""), ("user", USER, PASSWORD), ("stranger", STRANGER, PASSWORD)):
        _keytab(tb, name).unlink(missing_ok=True)
        kind = ["-pw", secret] if secret else ["-randkey"]
        _admin(tb, ["addprinc", *kind, principal])
        _admin(tb, ["ktadd", "-k", str(_keytab(tb, name)), "-norandkey", principal])
    (at / "complete").touch()


def _admin(tb, words):
    tb.run(["kadmin.local", "-r", REALM, *words], env=_variables(tb), what=f"kadmin.local {words[0]}")


def _register(tb):
    """Make the user an identity of the account root."""
    done = tb.dir("run") / "gss-identity"
    if done.exists():
        return
    script = ("from rucio.client import Client\nfrom rucio.common.exception import Duplicate\ntry:\n"
              f"    Client().add_identity(account='root', identity='{USER}', authtype='GSS', email='root@localhost')\n"
              "except Duplicate:\n    pass\n")
    tb.run([venv.python(tb), "-c", script], what="registering the principal",
           env={"RUCIO_HOME": tb.state, "RUCIO_CONFIG": tb.state / "client" / "userpass.cfg"})
    done.touch()
