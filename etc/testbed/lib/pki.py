"""A small grid public key infrastructure: CA, host and user certificates, a proxy, an ssh key."""

import os
import secrets
from pathlib import Path

from .base import say
from .state import Testbed

BASE = "/DC=org/DC=rucio-testbed"
USER = f"{BASE}/CN=Test User"
_HOST_EXT = ("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"
             "keyUsage=critical,digitalSignature,keyEncipherment\n")
_USER_EXT = "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n"
_PROXY_EXT = ("proxyCertInfo=critical,language:id-ppl-inheritAll\n"
              "keyUsage=critical,digitalSignature,keyEncipherment\n")


def folder(tb: Testbed) -> Path:
    """Return the folder of keys and certificates."""
    return tb.state / "pki"


def ensure(tb: Testbed) -> None:
    """Make what is missing. Services that need more certificates call issue()."""
    at = tb.dir("pki")
    done = at / ".complete"
    with tb.lock("pki"):
        if done.exists():
            return
        tb.need("openssl", "openssl")
        tb.need("ssh-keygen", "openssh-client")
        _ca(tb, at)
        issue(tb, "host", f"{BASE}/CN=localhost", _HOST_EXT)
        issue(tb, "user", USER, _USER_EXT)
        _proxy(tb, at)
        if not (at / "ssh_key").exists():
            tb.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-C", "ddmlab",
                    "-f", at / "ssh_key"], what="making the ssh key")
        done.touch()
    say("certificates ready")


def issue(tb: Testbed, name: str, subject: str, extensions: str) -> tuple[Path, Path]:
    """Have the CA sign a certificate pki/NAMEcert.pem with the key pki/NAMEkey.pem, unless both
    are there; extensions is the text of an openssl extension file. Returns certificate and key."""
    at = folder(tb)
    cert, key = at / f"{name}cert.pem", at / f"{name}key.pem"
    if not (cert.exists() and key.exists()):
        signer = ["-CA", at / "ca.pem", "-CAkey", at / "ca.key", "-set_serial", str(_serial())]
        _sign(tb, name, subject, extensions, signer, 825)
    return cert, key


def _serial() -> int:
    return secrets.randbits(62) | 1


def _request(tb: Testbed, at: Path, name: str, subject: str) -> Path:
    request = at / f"{name}.csr"
    tb.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject,
            "-keyout", at / f"{name}key.pem", "-out", request], what=f"making the key {name}key.pem")
    os.chmod(at / f"{name}key.pem", 0o600)
    return request


def _sign(tb: Testbed, name: str, subject: str, extensions: str, signer: list, days: int) -> None:
    at = folder(tb)
    request = _request(tb, at, name, subject)
    ext = at / f"{name}.ext"
    ext.write_text(extensions)
    tb.run(["openssl", "x509", "-req", "-sha256", "-in", request, *signer, "-days", str(days), "-extfile", ext,
            "-out", at / f"{name}cert.pem"], what=f"signing {name}cert.pem")
    request.unlink()
    ext.unlink()


def _ca(tb: Testbed, at: Path) -> None:
    """The CA, and the folder of CAs that grid tools want: by hash, with a signing policy."""
    ca = at / "ca.pem"
    if not ca.exists():
        tb.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650",
                "-subj", f"{BASE}/CN=Testbed CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout", at / "ca.key", "-out", ca], what="making the CA")
        os.chmod(at / "ca.key", 0o600)
    name = tb.run(["openssl", "x509", "-hash", "-noout", "-in", ca], what="hashing the CA").strip()
    certificates = tb.dir("pki", "certificates")
    (certificates / f"{name}.0").write_bytes(ca.read_bytes())
    (certificates / f"{name}.signing_policy").write_text(
        f"access_id_CA X509 '{BASE}/CN=Testbed CA'\n"
        f"pos_rights globus CA:sign\ncond_subjects globus '\"{BASE}/*\"'\n")


def _proxy(tb: Testbed, at: Path) -> None:
    """An RFC 3820 proxy: signed by the user, named after the user and the serial number."""
    serial = _serial()
    signer = ["-CA", at / "usercert.pem", "-CAkey", at / "userkey.pem", "-set_serial", str(serial)]
    _sign(tb, "proxy", f"{USER}/CN={serial}", _PROXY_EXT, signer, 365)
    proxy = at / "proxy.pem"
    proxy.touch(0o600)
    os.chmod(proxy, 0o600)
    proxy.write_bytes(b"".join((at / n).read_bytes() for n in ("proxycert.pem", "proxykey.pem", "usercert.pem")))
