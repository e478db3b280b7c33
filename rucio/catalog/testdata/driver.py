"""Runs calls of the real Python client: a JSON line {"method", "kwargs"} in, a JSON line {"result"} or {"error"} out."""
import datetime
import json
import math
import os
import sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the client prints is no answer

import rucio.common.constants  # noqa: E402
from rucio.client.client import Client  # noqa: E402
from rucio.client.downloadclient import DownloadClient  # noqa: E402
from rucio.client.uploadclient import UploadClient  # noqa: E402
from rucio.common.utils import date_to_str  # noqa: E402


def from_json(value):
    """JSON has no words for {"$date": "2026-01-31T12:00:00"} and {"$enum": "TransferLimitDirection.SOURCE"}."""
    if isinstance(value, dict) and set(value) == {"$enum"}:
        name, member = value["$enum"].split(".")
        return getattr(rucio.common.constants, name)[member]
    if isinstance(value, dict) and set(value) == {"$date"}:
        return datetime.datetime.fromisoformat(value["$date"])
    if isinstance(value, dict):
        return {k: from_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [from_json(v) for v in value]
    return value


def to_json(value):
    """Undoes what the client does to the server's JSON, and runs iterators to their end."""
    if isinstance(value, datetime.datetime):
        return date_to_str(value)
    if isinstance(value, float) and math.isinf(value):
        return "Infinity"
    if isinstance(value, dict):
        return {k if isinstance(k, str) else str(k): to_json(v) for k, v in value.items()}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return [to_json(v) for v in value]


def method(name):
    """Finds a method, those that move files too, whose clients keep what they were asked for."""
    for maker in (lambda: client, lambda: UploadClient(client), lambda: DownloadClient(client)):
        found = getattr(maker(), name, None)
        if found:
            return found
    raise AttributeError(name)


client = Client()
for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"result": to_json(method(call["method"])(**from_json(call["kwargs"])))}
    except Exception as error:
        message = str(error.args[0]) if error.args else ""
        answer = {"error": {"class": "OSError" if isinstance(error, OSError) else type(error).__name__, "message": message}}
    print(json.dumps(answer), file=answers, flush=True)
