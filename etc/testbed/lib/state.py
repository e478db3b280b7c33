"""The testbed as a service sees it: one state folder with processes, ports and variables."""

import importlib.util
import json
import os
import shutil
import signal
import ssl
import string
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import ModuleType

from services import SERVICES

from . import envfile, packages, ports, process
from .base import TestbedError, say
from .lock import locked

HERE = Path(__file__).resolve().parent.parent  # etc/testbed
MARKER = ".testbed-state"  # a folder without it is never wiped
# Variables that would make a server or a client under test read somebody else's configuration.
_FOREIGN = ("RUCIO_", "X509_", "REQUESTS_CA_BUNDLE", "SSL_CERT_", "PYTHON", "VIRTUAL_ENV", "PG",
            "BEARER_TOKEN", "GUNICORN_")


class Testbed:
    """Everything of one state folder. Services get it as their only argument."""

    def __init__(self, state: Path, *, asked_ports: dict[str, int] | None = None,
                 options: dict[str, str] | None = None, install: bool = False):
        self.state = state.absolute()
        self.asked_ports = asked_ports or {}
        self.options = options or {}  # switches of `up`, e.g. db
        self.install = install  # may apt-get be run?
        self._children: dict[str, subprocess.Popen] = {}

    # --- files -------------------------------------------------------------------------------

    def create(self) -> None:
        """Make the state folder, unless it is there; refuse a folder that belongs to something else."""
        if self.state.is_dir() and any(self.state.iterdir()) and not (self.state / MARKER).exists():
            raise TestbedError(f"{self.state} is not empty and no testbed: choose another --state")
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / MARKER).touch()

    def dir(self, *parts: str) -> Path:
        """Return a folder of the state, made when missing. Keep downloads and builds in dir('cache', NAME):
        `down --wipe` spares it."""
        path = self.state.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def lock(self, name: str, *, shared: bool = False):
        """Return a context manager that holds the lock of that name in this state folder."""
        return locked(self.state / "lock" / name, shared=shared)

    def render(self, template: Path, target: Path, **values) -> None:
        """Fill the ${names} of a template and replace target with it; an unknown name is an error."""
        text = string.Template(template.read_text(encoding="utf-8")).substitute(values)
        envfile.write_atomic(target, text)

    # --- ports -------------------------------------------------------------------------------

    def port(self, name: str, default: int) -> int:
        """Return the port for name and remember it: the one from --port NAME=N, else the last one,
        else default or the next free one. Call it only when the server does not run yet."""
        with self.lock("ports"):
            known = self._ports()
            used = frozenset(p for n, p in known.items() if n != name)
            known[name] = ports.choose(name, default, asked=self.asked_ports.get(name),
                                       last=known.get(name), used=used)
            envfile.write_atomic(self.state / "ports.json", json.dumps(known, indent=1) + "\n")
            return known[name]

    def known_port(self, name: str) -> int:
        """Return the port that name has been given."""
        try:
            return self._ports()[name]
        except KeyError:
            raise TestbedError(f"no port is known for {name}: it was never started here") from None

    def check_ports(self) -> None:
        """Refuse a port that is asked for when the running server has another one."""
        known = self._ports()
        for name, asked in self.asked_ports.items():
            if known.get(name, asked) != asked:
                raise TestbedError(f"the {name} port is {known[name]}, not {asked}, and its server runs: "
                                   f"run `down` first, or use another --state")

    def _ports(self) -> dict[str, int]:
        try:
            return json.loads((self.state / "ports.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    # --- processes ---------------------------------------------------------------------------

    def spawn(self, name: str, argv: list, *, env: dict | None = None, cwd: Path | None = None) -> None:
        """Start a server in the background, named SERVICE or SERVICE.PART, unless it runs.
        env is added to the cleaned environment. Follow with ready()."""
        if self.alive(name):
            return
        argv = [str(a) for a in argv]
        match = str(self.state) if any(str(self.state) in a for a in argv) else argv[-1]
        try:
            self._children[name] = process.spawn(
                argv, log=self.log(name), env=self.clean_env(**(env or {})), cwd=cwd or self.state,
                match=match, record=self.record(name))
        except OSError as err:
            raise TestbedError(f"cannot start {name}: {err}") from err

    def ready(self, name: str, probe, timeout: float = 60.0) -> None:
        """Wait until probe() is true; raises with the end of the log when the server died or is late."""
        end = time.monotonic() + timeout
        while True:
            child = self._children.get(name)  # our own child has to be polled, or it stays a zombie
            dead = child.poll() is not None if child else not self.alive(name)
            if not dead and probe():
                return
            if dead or time.monotonic() > end:
                code = f" with exit code {child.returncode}" if dead and child else ""
                what = f"died{code}" if dead else f"does not answer after {timeout:.0f} s"
                raise TestbedError(f"{name} {what}; the end of {self.log(name)}:\n{process.tail(self.log(name))}")
            time.sleep(0.05)

    def alive(self, name: str) -> bool:
        """Report whether the process of that name runs and is ours."""
        return process.is_ours(process.load(self.record(name)))

    def send_signal(self, name: str, number: int) -> None:
        """Send a signal to the process of that name, if it is ours."""
        record = process.load(self.record(name))
        if process.is_ours(record):
            os.kill(record.pid, number)

    def stop(self, *names: str, how: int = signal.SIGTERM, grace: float = 15.0) -> None:
        """Stop processes, all at once, and kill those that still live after grace seconds; one that is
        not ours (any more) is left alone."""
        ours = [name for name in names if self.alive(name)]
        for name in ours:
            self.send_signal(name, how)
        for name in names:
            process.stop(self.record(name), grace)
            if name in self._children:
                self._children.pop(name).poll()  # takes it off the system's list of processes
        if ours:
            say(f"{', '.join(ours)} stopped")

    def processes(self, service: str = "") -> dict[str, process.Record]:
        """Return the recorded processes, of one service or of all, in the order of their start."""
        found = sorted((self.state / "run").glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
        named = {p.stem: process.load(p) for p in found}
        return {n: r for n, r in named.items()
                if r and (not service or n == service or n.startswith(service + "."))}

    def record(self, name: str) -> Path:
        """Return the file that holds the id of the process of that name."""
        return self.state / "run" / f"{name}.json"

    def log(self, name: str) -> Path:
        """Return the log of the process of that name."""
        return self.state / "log" / f"{name}.log"

    # --- commands ----------------------------------------------------------------------------

    def clean_env(self, **extra) -> dict[str, str]:
        """Return this environment without what configures other Rucio clients, plus extra."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        env.update({k: str(v) for k, v in extra.items()})
        return env

    def run(self, argv: list, *, what: str, env: dict | None = None, cwd: Path | None = None) -> str:
        """Run a command to its end and return its output; raises TestbedError with the end of it."""
        argv = [str(a) for a in argv]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", check=False, cwd=cwd or self.state,
                                  env=self.clean_env(**(env or {})))
        except OSError as err:
            raise TestbedError(f"{what}: {err}") from err
        if done.returncode:
            end = "\n".join("  " + line for line in done.stdout.splitlines()[-25:])
            raise TestbedError(f"{what} failed (exit code {done.returncode}):\n{end}")
        return done.stdout

    def need(self, command: str, *apt: str, about: str = "") -> str:
        """Return the path of a command; when it is missing, apt-get install its packages with
        --install, else raise TestbedError with the exact command to run."""
        if not shutil.which(command):
            packages.install(apt, why=f"{command} is missing{about and ': ' + about}", allowed=self.install)
        path = shutil.which(command)
        if not path:
            raise TestbedError(f"{command} is still not in PATH after installing {' '.join(apt)}")
        return path

    def get(self, url: str, ca: Path | None = None) -> str | None:
        """Return what a GET of url answers, None when it fails or nobody is there."""
        context = ssl.create_default_context(cafile=ca) if ca else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(url, timeout=10) as answer:
                return answer.read().decode("utf-8", "replace").strip()
        except OSError:
            return None

    def http_ok(self, url: str, ca: Path | None = None) -> bool:
        """Report whether url answers with success."""
        return self.get(url, ca) is not None

    # --- services ----------------------------------------------------------------------------

    def up(self, name: str) -> None:
        """Start a service and what it needs, unless it runs; publish its variables."""
        for needed in SERVICES[name].needs:
            self.up(needed)
        module = self.service(name)
        with self.lock(f"service-{name}"):
            if not self.running(name):
                self.publish(name, None)
                module.start(self)
            elif SERVICES[name].passive:
                module.start(self)
            else:
                self.check_ports()
            values = {key: str(value) for key, value in module.env(self).items()}
            if values != self._part(name):
                self.publish(name, values)

    def down(self, name: str) -> None:
        """Stop a service: by its own stop(), else all its processes, the last started first."""
        with self.lock(f"service-{name}"):
            own = getattr(self.service(name), "stop", None) if name in SERVICES else None
            if own:
                own(self)
            for process_name in reversed(self.processes(name)):
                self.stop(process_name)
            self.publish(name, None)

    def running(self, name: str) -> bool:
        """Report whether the start of a service was completed and all its processes live; a passive one needs what it needs."""
        if SERVICES[name].passive:
            return self._part(name) is not None and all(map(self.running, SERVICES[name].needs))
        found = self.processes(name)
        return self._part(name) is not None and bool(found) and all(map(process.is_ours, found.values()))

    def check(self, name: str) -> str:
        """Return what is wrong with a running service, as its own check() sees it, or nothing."""
        own = getattr(self.service(name), "check", None) if name in SERVICES else None
        return own(self) if own else ""

    def with_needs(self, names) -> list[str]:
        """Return the services and all that they need, those first."""
        found: list[str] = []
        for name in names:
            found += [n for n in [*self.with_needs(SERVICES[name].needs), name] if n not in found]
        return found

    def started(self) -> list[str]:
        """Return the services that are or were up, what others need first."""
        names = {name.partition(".")[0] for name in self.processes()}
        names.update(name for name in SERVICES if self._part(name) is not None)
        ordered = self.with_needs(name for name in SERVICES if name in names)
        return [name for name in ordered if name in names] + sorted(names - SERVICES.keys())

    def service(self, name: str) -> ModuleType:
        """Load NAME/service.py. By path, not by name: a folder `elasticsearch` must not hide a package."""
        path = HERE / name / "service.py"
        spec = importlib.util.spec_from_file_location(f"testbed_service_{name}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    def env(self, *names: str) -> dict[str, str]:
        """Return the variables of the named services that were started, or of all."""
        values: dict[str, str] = {"TESTBED_STATE": str(self.state)}
        for name in names or SERVICES:
            values.update(self._part(name) or {})
        return values

    def _part(self, name: str) -> dict[str, str] | None:
        """Return the published variables of one service, None when it is not up."""
        try:
            return envfile.parse((self.state / "env.d" / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def publish(self, name: str, values: dict[str, str] | None) -> None:
        """Record the variables of a service (None: it is down) and rewrite the file `env`."""
        with self.lock("env"):
            part = self.state / "env.d" / name
            if values is None:
                part.unlink(missing_ok=True)
            else:
                envfile.write_atomic(part, envfile.dump(values))
            envfile.write_atomic(self.state / "env", envfile.dump(self.env()))
