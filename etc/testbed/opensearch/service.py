"""OpenSearch 2.19, the minimal distribution from Maven Central: no password, as it comes without the security plugin."""

import os
import shutil
import tempfile
from pathlib import Path

NAME = "opensearch"
ARTIFACT = "org.opensearch.distribution.integ-test-zip:opensearch:2.19.1:zip"
HTTP_PORT = 18940
TRANSPORT_PORT = 18950
SETTINGS = """
cluster.name: testbed
node.name: testbed
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {home}/data
path.logs: {home}/log
cluster.routing.allocation.disk.threshold_enabled: false
cluster.max_shards_per_node: 10000
"""
JVM = "-Xms256m\n-Xmx256m\n-XX:+UseSerialGC\n18-:-Djava.security.manager=allow\n"


def start(tb):
    """Fetch it once, then run it, as the user nobody when we are root: it refuses root. Ready in about ten seconds."""
    java = Path(tb.need("java", "default-jre-headless")).resolve()
    program = _fetch(tb)
    if not tb.alive(NAME):
        http, transport = tb.port(NAME, HTTP_PORT), tb.port(f"{NAME}.transport", TRANSPORT_PORT)
        home = tb.dir(NAME)
        config = home / "config"
        shutil.copytree(program / "config", config, dirs_exist_ok=True)
        (config / "jvm.options").write_text(JVM)
        (config / "opensearch.yml").write_text(SETTINGS.format(http=http, transport=transport, home=home))
        as_nobody = []
        if os.geteuid() == 0:
            as_nobody = [tb.need("setpriv", "util-linux"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            tb.run(["chown", "-R", "nobody:nogroup", home], what="giving OpenSearch's folder to nobody")
        tb.spawn(NAME, [*as_nobody, program / "bin" / "opensearch"], cwd="/", env={
            "OPENSEARCH_JAVA_HOME": java.parent.parent, "OPENSEARCH_PATH_CONF": config})
    tb.ready(NAME, lambda: tb.http_ok(_url(tb)), timeout=120)


def env(tb):
    """The address."""
    return {"TESTBED_OPENSEARCH_URL": _url(tb)}


def _url(tb):
    return f"http://127.0.0.1:{tb.known_port(NAME)}"


def _fetch(tb):
    """Return the folder of the distribution."""
    version = ARTIFACT.split(":")[2]
    target = tb.dir("cache", NAME) / version
    if not target.exists():
        mvn = tb.need("mvn", "maven", "default-jdk-headless")
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            os.chmod(folder, 0o755)
            tb.run([mvn, "--quiet", "--batch-mode", "dependency:copy", f"-Dartifact={ARTIFACT}",
                    f"-DoutputDirectory={folder}"], what="fetching OpenSearch from Maven Central")
            shutil.unpack_archive(next(Path(folder).glob("*.zip")), f"{folder}/unpacked")
            unpacked = next(Path(folder, "unpacked").iterdir())
            for script in (unpacked / "bin").iterdir():  # zip files carry no modes for unpack_archive
                script.chmod(0o755)
            unpacked.rename(target)
    return target
