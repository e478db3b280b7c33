#!/usr/bin/env bash
# The main job on a real server: runs the stubs task file against the testbed, then says how to go on. demo.sh BINARY
set -euo pipefail
bin=$1
here=$(cd "$(dirname "$0")" && pwd)
eval "$(python3 "$here/testbed.py" env --export)"

show() { if [ -t 1 ]; then printf '\n\033[1m$ %s\033[0m\n' "$1"; else printf '\n$ %s\n' "$1"; fi; }
step() { # a command as one would type it
  show "$1"
  bash -c "$1"
}
PATH=$(dirname "$(realpath "$bin")"):$PATH

step "rucio-task-manager run etc/tasks/stubs.yml"
step "rucio-task-manager call get_did scope=test name=cont.seed dynamic=true"
step "rucio-task-manager exec -e 'for r in rucio.list_replicas{ dids = { { scope = \"test\", name = \"ds.seed.1\" } } } do print(r.name, r.bytes) end'"

cat <<TXT

That was a real Rucio server at $TESTBED_TLS_URL, and it goes on running. To go on:

  etc/testbed/testbed.py shell            a shell with the environment set; in it, for instance
    rucio-task-manager methods list         every Rucio method
    rucio-task-manager tasks new hello      a first task of your own
    rucio whoami                            the Python client, on the same server
  etc/testbed/testbed.py daemons          one round of Rucio's daemons: rules reach OK
  make down                               stop it all
TXT
