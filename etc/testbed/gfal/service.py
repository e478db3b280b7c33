"""A Python that has both gfal2 and the real Rucio client, to compare transfers over davs and root with.

gfal2 exists for Debian's own Python only, so this is an environment of that Python which also sees the packages of the
testbed's. It has no process."""

import subprocess
from pathlib import Path

from lib import packages, venv
from lib.base import TestbedError, say
from lib.envfile import write_atomic

NAME = "gfal"
DEBIAN = "/usr/bin/python3"
PACKAGES = ("python3-gfal2", "python3-gfal2-util", "gfal2-util-scripts", "gfal2-plugin-http", "gfal2-plugin-xrootd",
            "gfal2-plugin-file", "xrootd-client", "xrootd-client-plugins")
CHECK = "import gfal2, sys; from rucio.client import Client; gfal2.creat_context(); print(sys.version_info[:2])"


def start(tb):
    """Make the environment, unless it does what it is for."""
    if _works(tb):
        return
    if not _has_gfal():
        packages.install(PACKAGES, why="gfal2 is missing", allowed=tb.install)
    tb.run([DEBIAN, "-m", "venv", "--clear", "--without-pip", "--system-site-packages", tb.dir("cache", NAME)],
           what="making Debian's Python environment")
    ours, theirs = (_libraries(tb, python) for python in (_python(tb), venv.python(tb)))
    if Path(ours).parent.name != Path(theirs).parent.name:
        raise TestbedError(f"gfal2 needs the testbed's packages for Debian's Python: run testbed.py with {DEBIAN}, and another "
                           f"$TESTBED_VENV than {venv.path(tb)}")
    write_atomic(Path(ours) / "testbed.pth", theirs + "\n")
    tb.run([_python(tb), "-c", CHECK], what="importing gfal2 and Rucio's client")
    say("a Python with gfal2 ready")


def env(tb):
    """The interpreter; give it RUCIO_CONFIG, and the credentials in X509_USER_PROXY, X509_CERT_DIR and so on."""
    return {"TESTBED_GFAL_PYTHON": _python(tb)}


def _python(tb):
    return tb.state / "cache" / NAME / "bin/python"


def _has_gfal():
    return subprocess.run([DEBIAN, "-c", "import gfal2"], capture_output=True, check=False).returncode == 0


def _works(tb):
    """Report whether all is there; the testbed's own environment may have moved since."""
    link = next((tb.state / "cache" / NAME).glob("lib/*/site-packages/testbed.pth"), None)
    return link is not None and link.read_text().strip() == _libraries(tb, venv.python(tb))


def _libraries(tb, python):
    """Return where an interpreter has its packages."""
    return tb.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], what=f"asking {python}").strip()
