"""The RSEs on real servers: a table of what each is there to show."""

from pathlib import Path

# Priorities, for which the first protocol is 1 in both domains; 0 is never.
FIRST = {"wan": {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1},
         "lan": {"read": 1, "write": 1, "delete": 1}}
SECOND = {domain: dict.fromkeys(operations, 2) for domain, operations in FIRST.items()}

XROOTD, GFAL, NO_RENAME, POSIX = "xrootd.Default", "gfal.Default", "gfal.NoRename", "posix.Default"
SITE = "TESTBED"  # a client at this site is in the local area network of MULTI1
NO_CHECKSUM = {"verify_checksum": False}  # the storage can't tell one


def rses(tb, keys):
    """Return all RSEs by name: settings of add_rse, attributes, protocols, and for tests the folders with the bytes and
    the files with credentials. The names that are not posix end in /, which servers want to their prefixes."""
    xrootd, webdav, posix = tb.state / "xrootd", tb.state / "webdav/data", tb.state / "storage"
    x509 = {"PROXY": keys / "proxy.pem", "CERT": keys / "usercert.pem", "KEY": keys / "userkey.pem"}
    door, bucket = tb.known_port("webdav"), tb.state / "s3/data/testbed"

    def root(name, server, port=None):
        return protocol("root", tb.known_port(f"xrootd-{server}"), f"//rses/{name}/", XROOTD)

    def http(name, scheme, server):
        return protocol(scheme, tb.known_port(f"xrootd-http-{server}"), f"/rses/{name}/", GFAL, SECOND)

    def dav(name, domains=FIRST):
        return protocol("davs", door, f"/rses/{name}/", GFAL, domains)

    def file(name, folder=posix, domains=FIRST):
        return protocol("file", 0, f"{folder / name}/", POSIX, domains)

    return {
        # no login; http beside it
        "ROOT1": rse([root("ROOT1", "a"), http("ROOT1", "http", "a")], xrootd / "data/a/rses/ROOT1"),
        # GSI, and X.509 over davs
        "ROOT2": rse([root("ROOT2", "c"), http("ROOT2", "davs", "c")], xrootd / "data/c/rses/ROOT2", credentials=x509),
        # tokens: ztn in TLS, and bearer over davs
        "ROOT3": rse([root("ROOT3", "d"), http("ROOT3", "davs", "d")], xrootd / "data/d/rses/ROOT3",
                     credentials={"TOKEN": xrootd / "token"}),
        # a manager that redirects to two servers
        "CLUSTER1": rse([root("CLUSTER1", "manager")], *(xrootd / f"data/server{i}/rses/CLUSTER1" for i in (1, 2))),
        # nginx takes certificates but no proxies, and has no checksums; DAVS2's door redirects to a pool, as dCache's
        "DAVS1": rse([dav("DAVS1")], webdav / "rses/DAVS1", attributes=NO_CHECKSUM,
                     credentials={"CERT": x509["CERT"], "KEY": x509["KEY"]}),
        "DAVS2": rse([dav("DAVS2")], webdav / "rses/DAVS2", attributes=NO_CHECKSUM,
                     credentials={"CERT": x509["CERT"], "KEY": x509["KEY"]}),
        # S3 by addresses that Rucio's server signs, and with the keys in the client's hands
        "S31": rse([protocol("https", tb.known_port("s3"), "/testbed/rses/S31/", NO_RENAME)], bucket / "rses/S31",
                   attributes={**NO_CHECKSUM, "sign_url": "s3", "s3_url_style": "path", "skip_upload_stat": True,
                               "strict_copy": True}),
        "S32": rse([protocol("s3", tb.known_port("s3"), "/testbed/rses/S32/", NO_RENAME)], bucket / "rses/S32",
                   attributes=NO_CHECKSUM),
        # files of this machine, in all kinds of RSE
        "NONDET1": rse([file("NONDET1")], posix / "NONDET1", settings={"deterministic": False}),
        "IDENT1": rse([file("IDENT1")], posix / "IDENT1", attributes={"lfn2pfn_algorithm": "identity"}),
        "READONLY1": rse([file("READONLY1")], posix / "READONLY1", settings={"availability_write": False}),
        # one place behind two doors: the file system in the local area network only, WebDAV first for everybody else
        "MULTI1": rse([file("MULTI1", webdav / "rses", {"lan": FIRST["lan"], "wan": SECOND["wan"]}),
                       dav("MULTI1", domains={"lan": SECOND["lan"], "wan": FIRST["wan"]})],
                      webdav / "rses/MULTI1", attributes={**NO_CHECKSUM, "site": SITE},
                      credentials={"CERT": x509["CERT"], "KEY": x509["KEY"]}),
    }


def protocol(scheme, port, prefix, impl, domains=FIRST):
    """A protocol as add_protocol takes it."""
    return {"scheme": scheme, "hostname": "localhost", "port": port, "prefix": prefix,
            "impl": f"rucio.rse.protocols.{impl}", "domains": domains, "extended_attributes": None}


def rse(protocols, *folders: Path, settings=None, attributes=None, credentials=None):
    """An RSE of the table."""
    return {"protocols": protocols, "folders": folders, "credentials": credentials or {},
            "settings": {"deterministic": True, "volatile": False, "rse_type": "DISK", **(settings or {})},
            "attributes": {"greedyDeletion": True, "testbed": "real", **(attributes or {})}}
