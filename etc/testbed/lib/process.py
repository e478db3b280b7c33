"""Background processes: started detached, recorded with their start time, and only ever
stopped after a look whether the process of that id is still the one that was recorded."""

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .envfile import write_atomic


@dataclass(frozen=True)
class Record:
    """A process that was started: enough to tell it from another that got the same id."""

    pid: int
    started: str  # start time, as the system tells it
    match: str  # a part of its command line
    log: str

    def save(self, path: Path) -> None:
        """Write the record to path."""
        write_atomic(path, json.dumps(asdict(self)) + "\n")


def load(path: Path) -> Record | None:
    """Read a record; None when there is none or it is not readable."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def describe(pid: int) -> tuple[str, str] | None:
    """Return start time and command line of a living process, None when there is no such one.

    A zombie counts as dead: it serves nobody, and in a container nobody may collect it.
    """
    proc = Path("/proc") / str(pid)
    if Path("/proc/self/stat").exists():
        try:
            # the name of the program, in parentheses, may hold spaces: cut after the last ')'
            fields = (proc / "stat").read_text().rpartition(")")[2].split()
            command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return None
        return None if fields[0] in "ZX" else (fields[19], command)
    done = subprocess.run(["ps", "-o", "lstart=,command=", "-p", str(pid)],
                          capture_output=True, text=True, check=False)
    line = done.stdout.strip()
    return (line[:24], line[24:]) if done.returncode == 0 and line else None


def is_ours(record: Record | None) -> bool:
    """Report whether the recorded process is alive and still the one that was started."""
    if record is None:
        return False
    now = describe(record.pid)
    return now is not None and now[0] == record.started and record.match in now[1]


def spawn(argv: list[str], *, log: Path, env: dict[str, str], cwd: Path, match: str,
          record: Path) -> subprocess.Popen:
    """Start argv in a session of its own, output to log (the last log is kept as .1), and record it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        os.replace(log, f"{log}.1")
    with open(log, "wb") as out:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                 cwd=cwd, start_new_session=True)
    now = describe_started(child.pid, match)
    Record(child.pid, now[0] if now else "", match, str(log)).save(record)
    return child


def describe_started(pid: int, match: str) -> tuple[str, str] | None:
    """Describe a process that has just been started.

    For an instant after the start the system shows no command line, and the process would not be ours.
    """
    end = time.monotonic() + 5
    while (now := describe(pid)) and match not in now[1] and time.monotonic() < end:
        time.sleep(0.001)
    return now


def stop(path: Path, grace: float) -> bool:
    """End the process recorded at path, politely first, and forget the record.

    Returns False, and touches nothing, when the process of that id is not ours (any more).
    """
    record = load(path)
    ours = is_ours(record)
    if ours:
        os.kill(record.pid, signal.SIGTERM)
        if not _gone(record, grace) and is_ours(record):
            # it leads its own session, so its children go with it
            os.killpg(record.pid, signal.SIGKILL)
            _gone(record, grace)
    path.unlink(missing_ok=True)
    return ours


def _gone(record: Record, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while is_ours(record):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def tail(path: str | Path, lines: int = 25) -> str:
    """Return the last lines of a log, indented."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as err:
        return f"  (no log: {err})"
    return "\n".join("  " + line for line in text.splitlines()[-lines:]) or "  (the log is empty)"
