"""The standard test data, through the real Python client against the running server. May be run again."""

import logging
import os
from contextlib import suppress

from rucio.client import Client
from rucio.client.uploadclient import UploadClient
from rucio.common.exception import DataIdentifierAlreadyExists, DataIdentifierNotFound, Duplicate, DuplicateRule

STATE = os.environ["RUCIO_HOME"]
ACCOUNTS = {"jdoe": "USER", "panda": "SERVICE", "tier0": "SERVICE", "higgs": "GROUP"}
SCOPES = {"test": "root", "archive": "root", "perf": "root", "user.root": "root", "mock": "jdoe",
          "user.jdoe": "jdoe", "data25": "tier0"}
RSES = {
    "POSIX1": {"country": "CH", "tier": 0},
    "POSIX2": {"country": "FR", "tier": 1},
    "POSIX3": {"country": "UK", "tier": 2},
    "TAPE1": {"country": "CH", "tier": 0, "istape": True},
    "MOCK1": {"country": "US", "tier": 2, "mock": True},
    "MOCK2": {"country": "US", "tier": 2, "mock": True},
}
DOMAINS = {"wan": {"read": 1, "write": 1, "delete": 1, "third_party_copy_read": 1, "third_party_copy_write": 1},
           "lan": {"read": 1, "write": 1, "delete": 1}}
FILES = [f"seed_file_{i:03d}" for i in range(6)]
TB = 10**12


def once(call, *args, **kwargs):
    """Call, and take "exists already" for success."""
    with suppress(Duplicate, DuplicateRule, DataIdentifierAlreadyExists):
        call(*args, **kwargs)


def accounts(client):
    """Accounts, the password of jdoe, scopes."""
    for account, kind in ACCOUNTS.items():
        once(client.add_account, account, kind, f"{account}@localhost")
    once(client.add_identity, account="jdoe", identity="jdoe", authtype="USERPASS", email="jdoe@localhost",
         password="secret")
    for scope, account in SCOPES.items():
        once(client.add_scope, account, scope)


def rses(client):
    """RSEs with protocols, attributes, usage, limits and distances."""
    for rse, attributes in RSES.items():
        once(client.add_rse, rse, deterministic=True, volatile=False, city="Testbed",
             rse_type="TAPE" if "istape" in attributes else "DISK", country_name=attributes["country"])
        once(client.add_protocol, rse, protocol(rse, "mock" in attributes))
        for key, value in {**attributes, "greedyDeletion": True}.items():
            client.add_rse_attribute(rse, key, value)
        client.set_rse_usage(rse, "storage", 10**9, 10 * TB)
        client.set_rse_limits(rse, "MinFreeSpace", 10**9)
        for account in ("root", "jdoe", "panda", "tier0"):
            client.set_local_account_limit(account, rse, -1 if account == "root" else TB)
    for i, source in enumerate(RSES):
        for j, target in enumerate(RSES):
            if source != target:
                once(client.add_distance, source, target, {"distance": 1 + abs(i - j)})


def protocol(rse, mock):
    """A protocol without a server: files of this machine, or none at all."""
    prefix = f"/mock/{rse.lower()}/" if mock else f"{STATE}/storage/{rse}/"
    if not mock:
        os.makedirs(prefix, exist_ok=True)
    kind = "mock" if mock else "posix"
    return {"scheme": "mock" if mock else "file", "hostname": "localhost", "port": 0, "prefix": prefix,
            "impl": f"rucio.rse.protocols.{kind}.Default", "domains": DOMAINS, "extended_attributes": None}


def upload(client):
    """The seed files, real ones, on POSIX1."""
    folder = f"{STATE}/tmp/seed"
    os.makedirs(folder, exist_ok=True)
    items = []
    for number, name in enumerate(FILES):
        try:
            client.get_did("test", name)
        except DataIdentifierNotFound:
            with open(f"{folder}/{name}", "wb") as out:
                out.write(b"rucio testbed file %03d\n" % number * (1000 + number))
            items.append({"path": f"{folder}/{name}", "rse": "POSIX1", "did_scope": "test",
                          "register_after_upload": True})
    if items:
        UploadClient(client, logger=logging.getLogger("seed")).upload(items)


def dids(client):
    """Two datasets in a container, metadata, two rules, a subscription."""
    once(client.add_dataset, "test", "ds.seed.1")
    once(client.add_dataset, "test", "ds.seed.2")
    once(client.add_container, "test", "cont.seed")
    for parent, children in (("ds.seed.1", FILES[:4]), ("ds.seed.2", FILES[4:]),
                             ("cont.seed", ["ds.seed.1", "ds.seed.2"])):
        once(client.attach_dids, "test", parent, [{"scope": "test", "name": name} for name in children])
    for key, value in (("project", "testbed"), ("datatype", "RAW"), ("run_number", 42)):
        client.set_metadata("test", "ds.seed.1", key, value)
    once(client.add_replication_rule, [{"scope": "test", "name": "ds.seed.1"}], 1, "POSIX1", lifetime=None)
    once(client.add_replication_rule, [{"scope": "test", "name": "cont.seed"}], 1, "POSIX2",
         activity="User Subscriptions")
    once(client.add_subscription, "sub.raw", "root", comments="raw to POSIX3", lifetime=None, retroactive=False,
         dry_run=False, priority=3,
         filter_={"project": ["testbed"], "datatype": ["RAW"], "scope": ["test"]},
         replication_rules=[{"copies": 1, "rse_expression": "POSIX3", "activity": "User Subscriptions"}])


def main():
    """Seed everything."""
    client = Client()
    accounts(client)
    rses(client)
    upload(client)
    dids(client)
    once(client.set_config_option, "testbed", "purpose", "tests")


main()
