# rucio-task-manager: everything a developer or CI does, by name. `make help` lists it.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

BIN         := bin/rucio-task-manager
TOOLS       := .tools/bin
TESTBED     := python3 etc/testbed/testbed.py
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# The profile (make profile) lets the compiler inline what long lists spend their time on; without the tag, cli/v2 brings a
# writer of manual pages that nobody calls but every start pays for.
GOFLAGS_BIN := -trimpath -pgo=etc/build/default.pgo -tags urfave_cli_no_docs -ldflags "-s -w -X main.version=$(VERSION)"

# Tools that the checks need, pinned.
GOLANGCI    := $(TOOLS)/golangci-lint-v2.15.0
GOTESTSUM   := $(TOOLS)/gotestsum-v1.13.0

# The image's base, as the Python original's build had it.
IMAGE       := rucio-task-manager
BASE_TAG    := $(shell cat BASE_RUCIO_CLIENT_TAG)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: build
build: ## build bin/rucio-task-manager (static)
	@CGO_ENABLED=0 go build $(GOFLAGS_BIN) -o $(BIN) .

.PHONY: demo
demo: build ## run the stubs task file on a real Rucio server of your own
	@$(TESTBED) up --install >/dev/null
	@etc/testbed/demo.sh $(BIN)

.PHONY: up
up: ## start the testbed: real servers on loopback, state in .testbed
	@$(TESTBED) up --install

.PHONY: down
down: ## stop the testbed; its state stays (see also: make clean)
	@$(TESTBED) down

.PHONY: test
test: lint up $(GOTESTSUM) ## everything CI checks: lint, generated code, all tests on real servers
	@python3 -m unittest discover -q -s etc/testbed/tests
	@TESTBED_INSTALL=1 TESTBED_REQUIRED=1 $(GOTESTSUM) --format pkgname-and-test-fails -- -count=1 -timeout 20m ./...
	@$(MAKE) --no-print-directory fuzz FUZZTIME=3s

.PHONY: race
race: up $(GOTESTSUM) ## the tests again under the race detector
	@TESTBED_INSTALL=1 TESTBED_REQUIRED=1 $(GOTESTSUM) --format pkgname-and-test-fails -- -race -count=1 -timeout 30m ./...

FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (default 30s)
	@etc/ci/fuzz.sh $(FUZZTIME)

.PHONY: lint
lint: $(GOLANGCI) generated ## golangci-lint (imports' direction included) and luacheck
	@$(GOLANGCI) run ./...
	@etc/ci/luacheck.sh

.PHONY: generated
generated: ## fail when generated code is stale
	@go run ./internal/catalogen -check
	@go run ./internal/docgen -check

.PHONY: generate
generate: ## write generated code anew
	@go generate ./...

.PHONY: bench
bench: build up ## measure beside curl and the Python client; prints ratios
	@go run ./internal/bench -bin $(BIN)

.PHONY: profile
profile: up ## measure anew where long lists spend their time, for the compiler
	@GOGC=400 go test ./engine/bind -run '^$$' -bench Rows/ -benchtime 2s -cpuprofile bin/rows.prof -o bin/rows.test
	@go tool pprof -proto bin/rows.test bin/rows.prof > etc/build/default.pgo

.PHONY: rucio
rucio: ## build the image on the Rucio client image of the Rucio maintainers
	docker build . -f Dockerfile --build-arg BASE_RUCIO_CLIENT_IMAGE=rucio/rucio-clients --build-arg BASE_RUCIO_CLIENT_TAG=release-$(BASE_TAG) --build-arg VERSION=$(VERSION) --tag $(IMAGE):$(BASE_TAG)

.PHONY: skao
skao: ## build the image on SKAO's extended client image
	docker build . -f Dockerfile --build-arg BASE_RUCIO_CLIENT_IMAGE=registry.gitlab.com/ska-telescope/src/src-dm/ska-src-dm-da-rucio-client/rucio-client-core --build-arg BASE_RUCIO_CLIENT_TAG=$(BASE_TAG) --build-arg VERSION=$(VERSION) --tag $(IMAGE):$(BASE_TAG)

.PHONY: clean
clean: ## stop the testbed and remove everything that is built
	@$(TESTBED) down --wipe || true
	@rm -rf bin dist .tools

# A tool is installed under its version, so that a new pin installs anew.
$(GOLANGCI):
	@echo "installing golangci-lint (once, about a minute)"
	@GOBIN=$(CURDIR)/$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@mv $(TOOLS)/golangci-lint $@

$(GOTESTSUM):
	@GOBIN=$(CURDIR)/$(TOOLS) go install gotest.tools/gotestsum@v1.13.0
	@mv $(TOOLS)/gotestsum $@
