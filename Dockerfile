# The task manager on a Rucio client image: Rucio's own, or a data lake's that is built on it and brings its certificates and
# its template of rucio.cfg. The base's tag is in the file BASE_RUCIO_CLIENT_TAG; on Docker Hub it has "release-" before it.
ARG BASE_RUCIO_CLIENT_IMAGE=docker.io/rucio/rucio-clients
ARG BASE_RUCIO_CLIENT_TAG=release-41.0.0
ARG GO_IMAGE=docker.io/library/golang:1.26.8

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -pgo=etc/build/default.pgo -tags urfave_cli_no_docs -ldflags "-s -w -X main.version=${VERSION}" -o /out/rucio-task-manager .

FROM ${BASE_RUCIO_CLIENT_IMAGE}:${BASE_RUCIO_CLIENT_TAG}
LABEL org.opencontainers.image.title="rucio-task-manager" \
      org.opencontainers.image.description="Runs tasks, written in Lua, against a Rucio data lake" \
      org.opencontainers.image.licenses="Apache-2.0"

# Scripts and definitions; mount others over them. The program is elsewhere, so that it survives a mount over all of it.
ENV RUCIO_TASK_MANAGER_ROOT=/opt/rucio-task-manager \
    RUCIO_TASK_MANAGER_SPOOL=/var/spool/rucio-task-manager \
    TMPDIR=/tmp \
    DAVIX_DISABLE_SESSION_CACHING=true
COPY --from=build /out/rucio-task-manager /usr/local/bin/rucio-task-manager
COPY scripts/common ${RUCIO_TASK_MANAGER_ROOT}/scripts/common
COPY scripts/tasks ${RUCIO_TASK_MANAGER_ROOT}/scripts/tasks
COPY etc/tasks ${RUCIO_TASK_MANAGER_ROOT}/etc/tasks

# Where documents wait while their database is down; put a volume there. Group 0: some clusters choose the user themselves.
USER root
RUN install -d -o 1000 -g 0 -m 0770 ${RUCIO_TASK_MANAGER_SPOOL}

# The base's user "user", by its number: Kubernetes' runAsNonRoot cannot tell a name from root.
USER 1000
WORKDIR ${RUCIO_TASK_MANAGER_ROOT}

# Without arguments it runs TASK_FILE_YAML or TASK_FILE_PATH. The base's init script is not needed: the program itself reads
# the variables RUCIO_CFG_* and the base's template of rucio.cfg.
ENTRYPOINT ["/usr/local/bin/rucio-task-manager"]
CMD []
