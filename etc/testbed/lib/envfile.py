"""Files of KEY=value lines, and files that are replaced in one step."""

import os
import re
import shlex
import tempfile
from pathlib import Path

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def write_atomic(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace path with text so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def dump(values: dict[str, str]) -> str:
    """Return values as KEY=value lines: the value is everything after the first '=', unquoted."""
    for key, value in values.items():
        if not _KEY.match(key):
            raise ValueError(f"not a variable name: {key!r}")
        if "\n" in str(value):
            raise ValueError(f"{key}: a value may not have more than one line")
    return "".join(f"{key}={value}\n" for key, value in values.items())


def parse(text: str) -> dict[str, str]:
    """Read what dump wrote; blank lines and lines that start with '#' are skipped."""
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, sep, value = line.partition("=")
        if not sep:
            raise ValueError(f"line {number}: no '=' in {line!r}")
        values[key] = value
    return values


def export(values: dict[str, str]) -> str:
    """Return values as lines for a shell to eval, quoted."""
    return "".join(f"export {key}={shlex.quote(str(value))}\n" for key, value in values.items())
