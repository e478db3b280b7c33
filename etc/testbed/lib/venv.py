"""The Python environment with Rucio's server and clients."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from . import packages
from .base import TestbedError, say
from .envfile import write_atomic
from .lock import locked
from .state import HERE, Testbed

REQUIREMENTS = HERE / "requirements.txt"
_PYTHON = "{}.{}".format(*sys.version_info)


def path(tb: Testbed) -> Path:
    """Return the folder of the environment: $TESTBED_VENV, else the one of the last `up`, else venv
    in the state folder."""
    last = _last(tb)
    named = os.environ.get("TESTBED_VENV") or (last.read_text().strip() if last.exists() else tb.state / "venv")
    return Path(named).absolute()


def _last(tb: Testbed) -> Path:
    return tb.state / "etc" / "venv"


def python(tb: Testbed) -> Path:
    """Return the interpreter of the environment."""
    return path(tb) / "bin" / "python"


def ensure(tb: Testbed) -> None:
    """Make the environment unless it is complete. Two processes may call this for the same folder."""
    folder = path(tb)
    write_atomic(_last(tb), f"{folder}\n")
    if _complete(tb):  # it may be somebody else's, and not ours to lock
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f".{folder.name}.lock"):
        if _complete(tb):
            return
        done = _marker(tb)
        same_python = not done.exists() or done.read_text().startswith(_PYTHON)
        done.unlink(missing_ok=True)
        say(f"making the Python environment {folder}")
        if not (python(tb).exists() and same_python):  # else go on where an interrupted one stopped
            _create(tb, folder)
        # no bytecode for the thousands of modules that nobody imports: saves a third of the time
        _pip(tb, "install", "--no-compile", "-r", REQUIREMENTS)
        _libmagic(tb)
        done.write_text(_wanted())
    say("Python environment ready")


def _marker(tb: Testbed) -> Path:
    """Written last: without it the environment is half made."""
    return path(tb) / ".testbed-complete"


def _wanted() -> str:
    return f"{_PYTHON} {hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}\n"


def _complete(tb: Testbed) -> bool:
    return _marker(tb).exists() and _marker(tb).read_text() == _wanted() and python(tb).exists()


def _create(tb: Testbed, folder: Path) -> None:
    argv = [sys.executable, "-m", "venv", "--clear", str(folder)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode and ("ensurepip" in done.stdout or "No module named venv" in done.stdout):
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        packages.install((package,), why=f"{sys.executable} cannot make virtual environments",
                         allowed=tb.install)
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"`{' '.join(argv)}` failed:\n{done.stdout}")


def _pip(tb: Testbed, *args) -> None:
    argv = [str(python(tb)), "-m", "pip", "-q", "--disable-pip-version-check", "--no-input", *map(str, args)]
    # pip's own variables and files (index, proxy, certificates) are the user's to set: keep them
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        end = "\n".join("  " + line for line in done.stdout.splitlines()[-15:])
        raise TestbedError(f"`{' '.join(argv)}` failed:\n{end}\n"
                           f"is the package index reachable? (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY)")


def _libmagic(tb: Testbed) -> None:
    check = [str(python(tb)), "-c", "import magic"]
    if subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return
    packages.install(("libmagic1",), why="libmagic, which Rucio needs, is missing", allowed=tb.install)
    tb.run(check, what="importing libmagic")
