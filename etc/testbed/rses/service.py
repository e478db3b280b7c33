"""RSEs of the real Rucio on the real storage servers. It has no process of its own."""

import json
import os
import shutil
import subprocess
import sys

from lib import pki, venv
from lib.base import TestbedError, say
from lib.envfile import write_atomic
from lib.state import HERE

sys.path.insert(0, str(HERE / "rses"))
from wanted import SITE, rses  # noqa: E402

NAME = "rses"


def start(tb):
    """Make the RSEs, unless they are as they should be. The seed of a server's database, or its ports, may have changed."""
    wanted = rses(tb, pki.folder(tb))
    text = json.dumps(wanted, default=str, indent=1) + "\n"
    for rse in wanted.values():
        for folder in rse["folders"]:
            _folder(folder)
    done = tb.dir("run") / f"{NAME}.done"
    if done.exists() and done.read_text() == text:
        return
    ids = _settle(tb, text)
    s3 = tb.service("s3")
    keys = {"access_key": s3.ACCESS, "secret_key": s3.SECRET, "signature_version": "s3v4", "region": "us-east-1"}
    # the server looks its keys up by the id, clients by the name
    accounts = {ids["S31"]: keys, "S32": {**keys, "is_secure": True}}
    write_atomic(tb.dir("etc") / "rse-accounts.cfg", json.dumps(accounts, indent=1) + "\n")
    places = [(f"localhost:{p['port']}", "/" + p["prefix"].lstrip("/"), [f"{folder}/" for folder in rse["folders"]])
              for rse in wanted.values() for p in rse["protocols"] if p["port"]]
    write_atomic(tb.dir("etc") / "rse-folders.json", json.dumps(places, indent=1) + "\n")  # for the daemons
    write_atomic(done, text)
    say(f"{len(wanted)} RSEs ready")


def env(tb):
    """Their names; for each the folders with its bytes (joined by colons) and files with credentials."""
    wanted = rses(tb, pki.folder(tb))
    found = {"TESTBED_RSES": ",".join(wanted), "TESTBED_RSE_SITE": SITE}
    for name, rse in wanted.items():
        found[f"TESTBED_RSE_{name}_FOLDER"] = os.pathsep.join(map(str, rse["folders"]))
        for kind, path in rse["credentials"].items():
            found[f"TESTBED_RSE_{name}_{kind}"] = path
    return found


def _folder(folder):
    """Make a folder that belongs to who has the one above, the user of the server."""
    if not folder.parent.exists():
        _folder(folder.parent)
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            above = folder.parent.stat()
            shutil.chown(folder, above.st_uid, above.st_gid)


def _settle(tb, text):
    """Have the client of the testbed make the RSEs; returns their ids."""
    client = tb.clean_env(RUCIO_HOME=tb.state, RUCIO_CONFIG=tb.state / "client/userpass.cfg")
    done = subprocess.run([venv.python(tb), HERE / "rses/setup.py"], input=text, text=True, capture_output=True, env=client,
                          check=False)
    if done.returncode:
        raise TestbedError(f"making the RSEs failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)
