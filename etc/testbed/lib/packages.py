"""Debian packages: named in errors, installed only when that was asked for."""

import os
import shutil
import subprocess

from .base import TestbedError, say


def command(names: tuple[str, ...]) -> str:
    """Return the command line that installs the packages."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y --no-install-recommends {' '.join(names)}"


def install(names: tuple[str, ...], *, why: str, allowed: bool) -> None:
    """Install packages with apt-get if allowed; else, or when it fails, raise TestbedError that
    says why they are needed and how to get them."""
    if not allowed:
        raise TestbedError(f"{why}; install it with `{command(names)}`, or run this with --install")
    if not shutil.which("apt-get"):
        raise TestbedError(f"{why}, and there is no apt-get here: install {' '.join(names)} in your way")
    say(f"{why}: {command(names)}")
    # RUNLEVEL=1 keeps packages from starting their services
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = _apt(command(names), env)
    if done.returncode:  # mostly because the machine is new and has no lists of packages, or old ones
        update = command(()).split(" install")[0] + " update"
        say(f"that failed; {update}, and again")
        _apt(update, env)
        done = _apt(command(names), env)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-10:])
        raise TestbedError(f"{why}, and `{command(names)}` failed:\n{end}")


def _apt(line: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(line.split(), env=env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
