#!/usr/bin/env python3
"""testbed.py: real servers for tests and for trying things out, on loopback, in one state folder.

  testbed.py up            start Rucio with test data (nothing happens when it runs)
  testbed.py up NAME...    start other services, see services.py
  testbed.py status        what runs
  testbed.py env           how to reach it; eval "$(testbed.py env --export)" for a shell
  testbed.py shell         a shell with all that set
  testbed.py daemons       run Rucio's daemons once: rules reach OK
  testbed.py down          stop everything

State: --state DIR, else $TESTBED_STATE, else .testbed at the top of the repository.
"""

import sys

if sys.version_info < (3, 11):  # before anything that an older one cannot read
    sys.exit(f"testbed: Python 3.11 or newer is needed, {sys.executable} is "
             f"{'.'.join(map(str, sys.version_info[:3]))}: run it as `python3.11 {sys.argv[0]}`")

import argparse
import os
import shutil
from pathlib import Path

from lib import envfile, process, venv
from lib.base import TestbedError, say
from lib.state import HERE, MARKER, Testbed
from services import DEFAULT, SERVICES

KEPT_BY_WIPE = {"venv", ".venv.lock", "cache", "lock", MARKER}


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    args = parser().parse_args(argv)
    try:
        return args.call(testbed(args), args) or 0
    except TestbedError as err:
        print(f"testbed: {err}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `testbed.py status | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as err:
        print(f"testbed: {err}; a --state and a $TESTBED_VENV have to be folders you can write to", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("testbed: interrupted; what was started goes on running, see `status` and `down`", file=sys.stderr)
        return 130


def testbed(args) -> Testbed:
    """Return the testbed that the options name."""
    state = args.state or os.environ.get("TESTBED_STATE") or HERE.parent.parent / ".testbed"
    asked = dict(getattr(args, "port", None) or [])
    for name in ("http", "tls", "trace"):
        if getattr(args, f"{name}_port", None):
            asked[name] = getattr(args, f"{name}_port")
    options = {"db": args.db} if getattr(args, "db", None) else {}
    return Testbed(Path(state), asked_ports=asked, options=options, install=getattr(args, "install", False) or os.environ.get("TESTBED_INSTALL") == "1")


def parser() -> argparse.ArgumentParser:
    """Return the command line, as --help shows it."""
    top = argparse.ArgumentParser(prog="testbed.py", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--state", metavar="DIR", help="state folder")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name, call, text, **kwargs):
        sub = commands.add_parser(name, help=text, description=text, **kwargs)
        sub.add_argument("--state", metavar="DIR", default=argparse.SUPPRESS, help="state folder")
        sub.set_defaults(call=call)
        return sub

    services = "; ".join(f"{name}: {service.about}" for name, service in SERVICES.items())
    sub = command("up", up, "start services and print their variables", epilog=f"services: {services}")
    sub.add_argument("names", nargs="*", metavar="NAME", default=[], help=f"default: {' '.join(DEFAULT)}")
    sub.add_argument("--db", choices=("sqlite", "postgres"), help="Rucio's database, chosen by the first up")
    for name in ("http", "tls", "trace"):
        sub.add_argument(f"--{name}-port", type=int, metavar="N", help=f"same as --port {name}=N")
    sub.add_argument("--port", type=named_port, action="append", metavar="NAME=N",
                     help="exactly this port; else a free one is chosen")
    sub.add_argument("--install", action="store_true", help="apt-get install what is missing (also: TESTBED_INSTALL=1)")
    sub = command("down", down, "stop services")
    sub.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    sub.add_argument("--wipe", action="store_true",
                     help="forget databases, keys, files and logs too; the Python environment and cache/ stay")
    command("status", status, "show what runs; exits 0 only if all that was started is up")
    sub = command("env", env, "print the variables")
    sub.add_argument("names", nargs="*", metavar="NAME", help="only those of these services")
    sub.add_argument("--export", action="store_true", help="for a shell to eval")
    sub = command("daemons", daemons, "run Rucio's daemons once, in one process, without FTS")
    sub.add_argument("names", nargs="*", metavar="NAME", help="e.g. judge-evaluator; default: all, in a useful order")
    sub.add_argument("--loop", type=float, metavar="S", help="again every S seconds, until interrupted")
    sub.add_argument("--fail", metavar="REGEX", default=os.environ.get("TB_FAIL"),
                     help="transfers of DIDs (scope:name) that match fail; default $TB_FAIL")
    sub.add_argument("--events", metavar="URL", help="hermes posts events there, in Elasticsearch bulk format")
    sub = command("bulk", bulk, "add dataset perf:bulkN of N files with replicas on MOCK1")
    sub.add_argument("n", type=int, metavar="N")
    sub = command("shell", shell, "a shell, or the command after --, with the variables set")
    sub.add_argument("argv", nargs=argparse.REMAINDER, metavar="[--] COMMAND")
    sub = command("python", python, "the Python of the testbed with the real client configured")
    sub.add_argument("argv", nargs=argparse.REMAINDER, metavar="ARGS")
    return top


def named_port(text: str) -> tuple[str, int]:
    """Parse NAME=N."""
    name, _, number = text.partition("=")
    if not (name and number.isdigit() and 0 < int(number) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=N")
    return name, int(number)


def known(names: list[str]) -> list[str]:
    """Return the names if all of them are services."""
    for name in names:
        if name not in SERVICES:
            raise TestbedError(f"no service {name!r}: there are {', '.join(SERVICES)}")
    return names


def up(tb: Testbed, args) -> None:
    """Start services; their variables go to stdout and to the file `env` in the state folder."""
    names = known(args.names) or DEFAULT
    tb.create()
    with tb.lock("wipe", shared=True):
        for name in names:
            tb.up(name)
    say(f"up: {', '.join(names)}")
    sys.stdout.write(envfile.dump(tb.env(*tb.with_needs(names))))


def down(tb: Testbed, args) -> None:
    """Stop services, and forget the state if asked."""
    if not (tb.state / MARKER).exists():
        say(f"nothing to stop: {tb.state} is no testbed")
        return
    for name in known(args.names) or reversed(tb.started()):
        tb.down(name)
    if args.wipe:
        with tb.lock("wipe"):
            if tb.started():
                raise TestbedError("not wiped: somebody started a service meanwhile")
            for path in tb.state.iterdir():
                if path.name not in KEPT_BY_WIPE:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        say(f"wiped {tb.state}")


def status(tb: Testbed, _args) -> int:
    """Print a line for each process; 0 when all is well."""
    bad = 0
    for name in list(dict.fromkeys([*DEFAULT, *tb.started()])):
        found = tb.processes(name)
        if not found and not (name in SERVICES and SERVICES[name].passive):
            bad += 1
            print(f"{name:<14} down   start it with `testbed.py up {name}`")
            continue
        for process_name, record in found.items():
            alive = process.is_ours(record)
            bad += not alive
            print(f"{process_name:<14} {'up' if alive else 'DEAD':<6} pid {record.pid:<8} log {record.log}")
        if not tb.running(name):
            trouble = f"it is not complete: run `testbed.py up {name}`"
        else:
            trouble = tb.check(name)
        if trouble:
            bad += 1
            print(f"{name:<14} BAD    {trouble}")
        else:
            for key, value in tb.env(name).items():
                if key.endswith("_URL"):
                    print(f"{'':<14} {key}={value}")
    return 1 if bad else 0


def env(tb: Testbed, args) -> None:
    """Print the variables."""
    need_up(tb)
    values = tb.env(*known(args.names))
    sys.stdout.write(envfile.export(values) if args.export else envfile.dump(values))


def daemons(tb: Testbed, args) -> int:
    """Run the real daemons."""
    need_up(tb)
    argv = [*args.names]
    for option in ("loop", "fail", "events"):
        if getattr(args, option) is not None:
            argv += [f"--{option}={getattr(args, option)}"]
    return server_script(tb, "daemons.py", argv)


def bulk(tb: Testbed, args) -> int:
    """Insert many files."""
    need_up(tb)
    return server_script(tb, "bulk.py", [str(args.n)])


def server_script(tb: Testbed, name: str, argv: list[str]) -> int:
    """Run a script of the folder rucio with Rucio's server configuration."""
    extra = tb.service("rucio").server_env(tb)
    return become([str(venv.python(tb)), str(HERE / "rucio" / name), *argv], tb.clean_env(**extra))


def shell(tb: Testbed, args) -> int:
    """Run a shell or a command with the variables."""
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    return client(tb, argv or [os.environ.get("SHELL") or "/bin/sh"])


def python(tb: Testbed, args) -> int:
    """Run the Python of the testbed."""
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    return client(tb, [str(venv.python(tb)), *argv])


def client(tb: Testbed, argv: list[str]) -> int:
    """Run a command as a client of the testbed: what this checkout has built and the testbed's programs
    in PATH, other configurations gone."""
    need_up(tb)
    path = os.pathsep.join([str(HERE.parent.parent / "bin"), str(venv.path(tb) / "bin"), os.environ.get("PATH", os.defpath)])
    return become(argv, tb.clean_env(**{**tb.env(), "PATH": path}))


def become(argv: list[str], environment: dict[str, str]) -> int:
    """Replace this process, so that signals and the exit code are those of the command."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as err:
        raise TestbedError(f"cannot run {argv[0]}: {err.strerror}") from err


def need_up(tb: Testbed) -> None:
    """Refuse what makes no sense before `up`."""
    if not (tb.state / "env").exists() or not tb.started():
        raise TestbedError(f"nothing is up in {tb.state}: run `{sys.argv[0]} up` first")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
