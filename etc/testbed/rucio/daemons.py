"""daemons.py [--loop=S] [--fail=REGEX] [--events=URL] [NAME...]

Run Rucio's real daemons once, in one process, without their waits at the start and without FTS: the
conveyor uses Rucio's own `transfertool = mock`, which is extended to copy between folders of this machine: those of file://
and those behind the RSEs of the service `rses`.
"""

import argparse
import fcntl
import functools
import json
import os
import re
import shutil
import sys
import time
import traceback
import uuid
from contextlib import contextmanager
from importlib import import_module
from urllib.parse import unquote, urlparse

import sqlite_writers

sqlite_writers.install()  # before Rucio makes its first session

import rucio.daemons.common  # noqa: E402
from rucio.common.config import config_get, config_set  # noqa: E402
from rucio.common.logging import setup_logging  # noqa: E402
from rucio.core import request as core_request  # noqa: E402
from rucio.db.sqla.constants import RequestState  # noqa: E402
from rucio.transfertool import mock  # noqa: E402

ALWAYS_FAIL = ":stuck-"  # a name that fails whoever runs the daemons, for tests on a server that others use too
NEVER = r"(?!)"

# name -> (module below rucio.daemons, function, arguments), in an order that takes a rule from
# subscription to OK in one pass
DAEMONS = {
    "transmogrifier": ("transmogrifier.transmogrifier", "transmogrifier", {"bulk": 1000}),
    "judge-evaluator": ("judge.evaluator", "re_evaluator", {}),
    "judge-injector": ("judge.injector", "rule_injector", {}),
    "judge-cleaner": ("judge.cleaner", "rule_cleaner", {}),
    "judge-repairer": ("judge.repairer", "rule_repairer", {}),
    "undertaker": ("undertaker.undertaker", "undertaker", {"chunk_size": 1}),  # or one DID that cannot go keeps others
    "conveyor-submitter": ("conveyor.submitter", "submitter", {
        "partition_wait_time": 0, "transfertools": ["mock"], "transfertype": "single", "filter_transfertool": None,
        "sleep_time": 600}),
    "conveyor-poller": ("conveyor.poller", "poller", {
        "partition_wait_time": 0, "older_than": 0, "transfertool": "mock", "filter_transfertool": None}),
    "conveyor-finisher": ("conveyor.finisher", "finisher", {"partition_wait_time": 0}),
    "necromancer": ("badreplicas.necromancer", "necromancer", {"bulk": 1000}),
    "minos": ("badreplicas.minos", "minos", {"bulk": 1000}),
    "reaper": ("reaper.reaper", "reaper", {
        "rses": None, "greedy": True, "chunk_size": 100, "delay_seconds": 0, "vos": None, "include_rses": None,
        "exclude_rses": None}),
    "abacus-account": ("abacus.account", "account_update", {}),
    "abacus-rse": ("abacus.rse", "rse_update", {}),
    "abacus-collection-replica": ("abacus.collection_replica", "collection_replica_update", {"limit": 1000}),
    "hermes": ("hermes.hermes", "hermes", {"bulk": 10_000}),
}


def no_waiting():
    """Daemons wait ten seconds for others to join before they share the work; there are no others."""
    original = rucio.daemons.common.db_workqueue

    @functools.wraps(original)
    def at_once(*args, **kwargs):
        return original(*args, **{**kwargs, "partition_wait_time": 0})

    rucio.daemons.common.db_workqueue = at_once  # before the daemons import it


def real_copies(fail):
    """Make the mock transfer tool copy files, and fail where there is nothing to copy or where
    scope:name matches fail. What is asked to fail is not tried again: Rucio would try three more times,
    and the rule would be STUCK only after four passes."""
    failed = set()

    def submit(_self, transfers, _job_params, timeout=None):
        for transfer in transfers:
            name = f"{transfer.rws.scope}:{transfer.rws.name}"
            try:
                if fail.search(name):
                    raise OSError("asked to fail")
                copy(transfer)
            except OSError as err:
                print(f"transfer of {name} failed: {err}", flush=True)
                failed.add(transfer.rws.request_id)
        return str(uuid.uuid4())

    report = mock.MockTransferStatusReport.__init__

    def status(self, request_id, external_id):
        report(self, request_id, external_id)
        if request_id in failed:
            self.state = RequestState.FAILED
            failed.discard(request_id)

    mock.MockTransfertool.submit = submit
    mock.MockTransfertool.supported_schemes = {*mock.MockTransfertool.supported_schemes, "https", "davs", "root"}
    mock.MockTransferStatusReport.__init__ = status
    retry = core_request.should_retry_request

    def should_retry(request, *args, **kwargs):
        return not fail.search(f"{request['scope']}:{request['name']}") and retry(request, *args, **kwargs)

    core_request.should_retry_request = should_retry


def copy(transfer):
    """Copy one file between the folders behind source and destination, if there is one behind the destination."""
    targets = folders(transfer.dest_url)
    if not targets:
        return
    paths = [path for source in transfer.sources for path in folders(transfer.source_url(source))]
    found = next(filter(os.path.exists, paths), None)
    if found is None:
        raise FileNotFoundError(f"no source file among {paths}")
    target = targets[0]
    make_folder(os.path.dirname(target))
    shutil.copy(found, target)
    as_above(target)


def folders(url):
    """Return the local paths where a URL's bytes may lie: the path of a file, else below the folders of RSEs on real
    servers, which the service rses names."""
    parts = urlparse(url)
    if parts.scheme == "file":
        return [unquote(parts.path)]
    file = os.path.join(os.environ["RUCIO_HOME"], "etc", "rse-folders.json")
    if not os.path.exists(file):
        return []
    path = "/" + (parts.path if parts.scheme == "root" else unquote(parts.path)).lstrip("/")
    with open(file, encoding="utf-8") as places:
        return [folder + path[len(prefix):] for server, prefix, behind in json.load(places) for folder in behind
                if server == parts.netloc and path.startswith(prefix)]


def make_folder(path):
    """Make a folder for the user of its server."""
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path))
        os.makedirs(path, exist_ok=True)
        as_above(path)


def as_above(path):
    """Give a file or folder to the owner of the folder that it is in."""
    if os.geteuid() == 0:
        above = os.stat(os.path.dirname(path))
        os.chown(path, above.st_uid, above.st_gid)


def events_to(url):
    """Make hermes post the events to url, in Elasticsearch bulk format, or keep them when there is none.
    The other daemons go on making events for it in any case."""
    module, function, _ = DAEMONS["hermes"]
    hermes = import_module(f"rucio.daemons.{module}")
    services = config_get("hermes", "services_list")

    def run_hermes(**kwargs):
        config_set("hermes", "services_list", services if url else "email")
        config_set("hermes", "elastic_endpoint", url or "")
        try:
            original(**kwargs)
        finally:
            config_set("hermes", "services_list", services)

    original = getattr(hermes, function)
    setattr(hermes, function, run_hermes)


@contextmanager
def alone():
    """Keep other runs of this script waiting. Two daemons of a kind share the work by their heartbeats, so
    each would leave half of it undone."""
    with open(os.path.join(os.environ["RUCIO_HOME"], "lock", "daemons"), "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(name):
    """Run one daemon once; returns whether it came through."""
    module, function, arguments = DAEMONS[name]
    began = time.monotonic()
    try:
        getattr(import_module(f"rucio.daemons.{module}"), function)(once=True, **arguments)
        result = "ok"
    except Exception:  # whatever it is, the other daemons are to run too
        traceback.print_exc()
        result = "FAILED"
    print(f"{name:<26} {result:<6} {time.monotonic() - began:.2f}s", flush=True)
    return result == "ok"


def pattern(text):
    """Refuse what is no regular expression."""
    try:
        re.compile(text)
    except re.error as err:
        raise argparse.ArgumentTypeError(f"{text!r}: {err}") from None
    return text


def main():
    """Parse, prepare, run."""
    options = argparse.ArgumentParser(prog="daemons")
    options.add_argument("--loop", type=float)
    options.add_argument("--fail", type=pattern, default=NEVER)
    options.add_argument("--events")
    options.add_argument("names", nargs="*", metavar="NAME")
    args = options.parse_args()
    unknown = [name for name in args.names if name not in DAEMONS]
    if unknown:
        options.error(f"no daemon {', '.join(unknown)}: there are {', '.join(DAEMONS)}")
    setup_logging()
    no_waiting()
    real_copies(re.compile(f"{ALWAYS_FAIL}|{args.fail}"))
    events_to(args.events)
    while True:
        with alone():
            good = all([run(name) for name in args.names or DAEMONS])
        if args.loop is None:
            return 0 if good else 1
        time.sleep(args.loop)


if __name__ == "__main__":
    sys.exit(main())
