"""Small disks, to be filled: the folder `full` of two XRootD servers and of the WebDAV door, and a bucket of S3. It has no process."""

import os

NAME = "disk"
SIZE = 8 << 20


DISKS = {"XROOTD": "xrootd/data/a/full", "GSI": "xrootd/data/c/full", "WEBDAV": "webdav/data/full", "S3": "s3/data/full"}


def start(tb):
    """Mount them, each server its own, unless they are."""
    for disk in DISKS.values():
        if not os.path.ismount(tb.state / disk):
            tb.dir(disk)
            _as_root(tb, "mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0777", "testbed", tb.state / disk)
    tb.dir(DISKS["WEBDAV"], ".tmp")  # nginx made its own below, before there was a disk


def stop(tb):
    """Unmount them; what is on them is gone."""
    for disk in DISKS.values():
        if os.path.ismount(tb.state / disk):
            _as_root(tb, "umount", tb.state / disk)


def env(tb):
    """Where they are, and the bucket."""
    url, _, _ = tb.env("s3")["TESTBED_S3_URL"].rpartition("/")
    return {"TESTBED_S3_FULL_URL": f"{url}/full", **{f"TESTBED_DISK_{name}": tb.state / disk for name, disk in DISKS.items()}}


def _as_root(tb, *argv):
    own = [] if os.geteuid() == 0 else ["sudo", "-n"]
    tb.run([*own, *argv], what="mounting a small disk, for which one has to be root,")
