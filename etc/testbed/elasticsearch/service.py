"""Elasticsearch 7.17, run from the jars on Maven Central, as no package registry has the distribution. It asks for a
password as a secured one does; wrong credentials get the 401 of the original."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from lib import ports
from lib.base import say

NAME = "elasticsearch"
HTTP_PORT = 18920
TRANSPORT_PORT = 18930
USERNAME = "elastic"
PASSWORD = "secret"

_HERE = Path(__file__).parent


def start(tb):
    """Fetch and compile once, then run the server; ready in about ten seconds."""
    java = tb.need("java", "default-jre-headless")
    built = _build(tb)
    if not tb.alive(NAME):
        http, transport = tb.port(NAME, HTTP_PORT), tb.port(f"{NAME}.transport", TRANSPORT_PORT)
        tb.spawn(NAME, [java, "-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{built}:{built}/jars/*", "Server",
                        tb.dir(NAME), http, transport], env={"ES_AUTH": f"{USERNAME}:{PASSWORD}"})
    # It listens on HTTP only when it is up, and answers 401 without credentials.
    tb.ready(NAME, lambda: ports.accepts(tb.known_port(NAME)), timeout=120)


def env(tb):
    """The address and the credentials."""
    return {"TESTBED_ES_URL": f"http://127.0.0.1:{tb.known_port(NAME)}",
            "TESTBED_ES_USERNAME": USERNAME, "TESTBED_ES_PASSWORD": PASSWORD}


def _build(tb):
    """Return the folder with the class, its jars and its log settings; one for each content of the sources."""
    sources = [_HERE / name for name in ("pom.xml", "Server.java", "log4j2.properties")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    target = tb.dir("cache", NAME) / digest
    if target.exists():
        return target
    mvn = tb.need("mvn", "maven", "default-jdk-headless")
    javac = tb.need("javac", "default-jdk-headless")
    say("fetching Elasticsearch from Maven Central (once)")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        work = Path(folder) / digest
        work.mkdir()
        for path in sources:
            shutil.copy(path, work)
        tb.run([mvn, "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={work}/jars"],
               cwd=work, what="fetching Elasticsearch's jars")
        tb.run([javac, "-cp", f"{work}/jars/*", "-d", work, work / "Server.java"], what="compiling Server.java")
        work.rename(target)
    return target
