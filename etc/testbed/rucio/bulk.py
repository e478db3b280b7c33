"""bulk.py N: dataset perf:bulkN of N files with replicas on MOCK1, inserted as rows, not by requests."""

import sys
import time
from datetime import datetime, timezone

import sqlite_writers

sqlite_writers.install()  # before Rucio makes its first session

from rucio.common.exception import DataIdentifierAlreadyExists  # noqa: E402
from rucio.common.types import InternalAccount, InternalScope  # noqa: E402
from rucio.core.did import add_did  # noqa: E402
from rucio.core.rse import get_rse_id  # noqa: E402
from rucio.db.sqla import models  # noqa: E402
from rucio.db.sqla.constants import DatabaseOperationType, DIDAvailability, DIDType, ReplicaState  # noqa: E402
from rucio.db.sqla.session import db_session  # noqa: E402
from sqlalchemy import insert  # noqa: E402

SCOPE = InternalScope("perf")
ACCOUNT = InternalAccount("root")
CHUNK = 10_000


def main(count):
    """Insert the dataset in one transaction."""
    dataset = f"bulk{count}"
    began = time.monotonic()
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    common = {"bytes": 1_000_000, "adler32": "deadbeef", "created_at": now, "updated_at": now}
    with db_session(DatabaseOperationType.WRITE) as session:
        rse = get_rse_id("MOCK1", session=session)
        try:
            add_did(scope=SCOPE, name=dataset, did_type=DIDType.DATASET, account=ACCOUNT, session=session)
        except DataIdentifierAlreadyExists:
            sys.exit(f"perf:{dataset} exists")
        session.flush()
        for start in range(0, count, CHUNK):
            names = [f"{dataset}.f{number:07d}" for number in range(start, min(count, start + CHUNK))]
            for model, row in tables(rse, dataset):
                key = "child_name" if model is models.DataIdentifierAssociation else "name"
                session.execute(insert(model), [{**common, **row, key: name} for name in names])
    print(f"perf:{dataset}: {count} files with replicas on MOCK1 in {time.monotonic() - began:.1f} s")


def tables(rse, dataset):
    """The three rows that make a file of a dataset with a replica, less the name of the file."""
    return (
        (models.DataIdentifier, {
            "scope": SCOPE, "account": ACCOUNT, "did_type": DIDType.FILE, "is_open": False, "monotonic": False,
            "hidden": False, "obsolete": False, "complete": None, "suppressed": False, "is_new": None,
            "availability": DIDAvailability.AVAILABLE}),
        (models.DataIdentifierAssociation, {
            "scope": SCOPE, "name": dataset, "child_scope": SCOPE, "did_type": DIDType.DATASET,
            "child_type": DIDType.FILE}),
        (models.RSEFileAssociation, {
            "rse_id": rse, "scope": SCOPE, "state": ReplicaState.AVAILABLE, "lock_cnt": 0}),
    )


main(int(sys.argv[1]))
