"""The registry: every real server that the testbed can run, in one visible place.

A service is a folder beside this file with a `service.py` of three functions, each given the
testbed (lib/state.py):

    start(tb)   start what does not run yet and return once it answers; call it twice, nothing happens
    env(tb)     the variables that tell a client how to reach it, as a dict
    stop(tb)    optional; by default every process that start() began is stopped

To add one: write that file and put a line here. README.md says more.
"""

from typing import NamedTuple


class Service(NamedTuple):
    """What `up` has to know of a service before it is loaded."""

    about: str
    needs: tuple[str, ...] = ()  # services that have to run before it
    passive: bool = False  # it has no process: its start looks each time whether something is to be done


SERVICES: dict[str, Service] = {
    "rucio": Service("Rucio server over http and https, with test data", needs=("trace",)),
    "trace": Service("STOMP broker that records the traces Rucio sends"),
    "postgres": Service("PostgreSQL for `up --db postgres`, in a temporary cluster"),
    "elasticsearch": Service("Elasticsearch 7.17 with a password, where documents go"),
    "oidc": Service("OpenID provider that Rucio trusts", needs=("rucio",)),
    "opensearch": Service("OpenSearch 2.19, where they may go as well"),
    "kdc": Service("Kerberos realm, and a Rucio server that takes its tickets", needs=("rucio",)),
    "voms": Service("VOMS server with one member, REST and the older protocol"),
    "xrootd": Service("XRootD servers without login, by unix, GSI and tokens, and a cluster"),
    "webdav": Service("WebDAV door with X.509 and tokens that redirects to a pool"),
    "s3": Service("S3 gateway over TLS, with one bucket"),
    "disk": Service("small disks below these storages, to be filled", needs=("xrootd", "webdav", "s3"), passive=True),
    "rses": Service("RSEs of Rucio on all these storages", needs=("rucio", "xrootd", "webdav", "s3"), passive=True),
    "aria2": Service("aria2c, for downloads that another program makes", passive=True),
    "gfal": Service("Python with gfal2 and the real Rucio client, to compare with", needs=("rucio",), passive=True),
}

# What `up` starts when no name is given.
DEFAULT = ("rucio",)
