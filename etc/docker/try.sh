#!/usr/bin/env bash
# Builds the image with its Dockerfile and runs the stubs in it, against the Rucio of the testbed: for machines without
# Docker, and without the real base image. In its place stands a bare Debian with what the Dockerfile relies on. Needs root, and
# Debian's buildah and debootstrap.
#
#   etc/docker/try.sh [WORK]     WORK keeps the stand-in and the layers between calls; default: .testbed/cache/image
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(realpath -m "${1:-.testbed/cache/image}")
tag=release-$(cat BASE_RUCIO_CLIENT_TAG)
base=localhost/rucio-clients
go=localhost/golang:$(go env GOVERSION)
image=localhost/rucio-task-manager:$(cat BASE_RUCIO_CLIENT_TAG)
grep -qx "ARG BASE_RUCIO_CLIENT_TAG=$tag" Dockerfile || { echo "Dockerfile and BASE_RUCIO_CLIENT_TAG name different bases" >&2; exit 1; }

for tool in buildah debootstrap; do
  command -v $tool >/dev/null || { echo "$tool is missing: apt-get install buildah debootstrap" >&2; exit 1; }
done
mkdir -p "$work"
buildah() { command buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
have() { buildah inspect --type image "$1" >/dev/null 2>&1; }

# The stand-in: the user and the folders of the real one, and this machine's certificate authorities.
if ! have "$base:$tag"; then
  rm -rf "$work/root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" http://deb.debian.org/debian >"$work/debootstrap.log" ||
    { tail -n 5 "$work/debootstrap.log" >&2; exit 1; }
  cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/"
  chroot "$work/root" useradd -ms /bin/bash -u 1000 -U user
  install -d -o 1000 -g 1000 "$work/root/opt/rucio/etc" "$work/root/opt/user"
  container=$(buildah from scratch)
  buildah copy -q "$container" "$work/root" /
  rm -rf "$work/root"
  buildah config --user user --workingdir /home/user --entrypoint '["/opt/user/entrypoint.sh"]' --cmd bash "$container"
  buildah commit -q --rm "$container" "$base:$tag"
fi

# The Go image: the same with this machine's Go.
if ! have "$go"; then
  container=$(buildah from --pull-never "$base:$tag")
  buildah copy -q "$container" "$(go env GOROOT)" /usr/local/go
  buildah config --user root --entrypoint '[]' --env PATH=/usr/local/go/bin:/usr/bin:/bin --env GOTOOLCHAIN=local "$container"
  buildah commit -q --rm "$container" "$go"
fi

buildah build --isolation chroot --network host --pull-never --layers -t "$image" \
  --build-arg GO_IMAGE="$go" --build-arg BASE_RUCIO_CLIENT_IMAGE="$base" --build-arg BASE_RUCIO_CLIENT_TAG="$tag" \
  --build-arg VERSION="$(git describe --tags --always --dirty)" .

eval "$(etc/testbed/testbed.py env --export)"
container=$(buildah from --pull-never "$image")
trap 'buildah rm "$container" >/dev/null' EXIT
mounts=()
config=() # the testbed's credentials are no secret
for name in RUCIO_HOST AUTH_HOST AUTH_TYPE ACCOUNT USERNAME PASSWORD; do
  name=RUCIO_CFG_CLIENT_$name
  config+=(--env "$name=${!name}")
done
inside() { # like `docker run`: buildah leaves the entrypoint out
  buildah run --isolation chroot --network host "${config[@]}" "${mounts[@]}" "$container" -- "$@"
}
inside sh -c 'test "$(id -u)" = 1000 && test "$PWD" = /opt/rucio-task-manager && test -w /var/spool/rucio-task-manager'
inside env TASK_FILE_PATH=etc/tasks/stubs.yml /usr/local/bin/rucio-task-manager

# A checkout mounted over everything, as developers have it: the program is still there, and the scripts are the mounted ones.
mounted=$(mktemp -d)
trap 'buildah rm "$container" >/dev/null; rm -rf "$mounted"' EXIT
cp -r scripts etc "$mounted"
sed -i 's/log.info(kwargs.text)/log.info("mounted: " .. kwargs.text)/' "$mounted/scripts/tasks/stubs.lua"
chmod -R go+rX "$mounted"
mounts=(--volume "$mounted:/opt/rucio-task-manager:ro")
inside env TASK_FILE_PATH=etc/tasks/stubs.yml /usr/local/bin/rucio-task-manager 2>&1 | grep "mounted: Hello World!"
echo "the image works"
