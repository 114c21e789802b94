# Every command that a person or CI runs. Go and make are enough for build, run and package; the notes say what else
# a target wants.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 20s
FEEDS    ?= 10000
FRONT    := 127.0.0.1:7071
TEST     := $(GO) test -shuffle=on
# go.mod names the Go that everything is built with: an older 1.26 fetches it as a module, whatever the user's settings.
export GOTOOLCHAIN := auto

.DEFAULT_GOAL := help
.PHONY: help build run chaos strikes start test quick feeds house lint licenses fuzz bench golden package reproducible azurite kusto graphtypes msalnode axe clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A running dist/ is not disturbed: what differs is written beside the old and takes its place.
build: need-go tool ## build the handler for this machine and stage dist/
	@rm -rf build/app && mkdir -p build/app
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/app/cordon ./handler
	@cp host.json playbook.yaml build/app/ && cp -R functions/. hunts build/app/
	@build/local stage build/app dist

# What serves, plays and stages on this machine.
tool: need-go
	@$(GO) build -trimpath -o build/local ./local

run: tool ## play the scenario against stand-ins on this machine; ONCE=1 exits with a verdict, SOURCE=<x> reads alerts from defender, graph or both, PLAYBOOK=<file> plays with yours, ADDR=<host:port> moves it, FAULT=<x> proves a check
	@$(if $(ONCE),,build/local free $(or $(ADDR),$(FRONT)))
	@$(MAKE) --no-print-directory build
	@build/local run --app dist --addr $(or $(ADDR),$(FRONT)) $(if $(ONCE),--once) $(if $(SOURCE),--source $(SOURCE)) $(if $(PLAYBOOK),--playbook '$(PLAYBOOK)') $(if $(FAULT),--fault $(FAULT))

chaos: $(if $(filter command,$(firstword $(origin FEEDS))),feeds,strikes) ## kill the handler at everything it sends; QUICK=1 samples, KIND=<x> strikes in one way only, SEED=<n> varies, SOURCE=<x> reads alerts from defender, graph or both, SABOTAGE=<x> proves a check; FEEDS=<n> plays feeds instead

strikes: build
	@build/local chaos --app dist $(if $(QUICK),--quick) $(if $(KIND),--kind $(KIND)) $(if $(SEED),--seed $(SEED)) $(if $(SOURCE),--source $(SOURCE)) $(if $(SABOTAGE),--sabotage $(SABOTAGE))

start: build ## run dist/ under Azure Functions Core Tools (wants func and a Service Bus)
	@command -v func >/dev/null || { echo "make start: 'func' is missing: npm install -g azure-functions-core-tools@4; docs/getting-started.md has the rest"; exit 1; }
	@[ -f local.settings.json ] || { echo "make start: local.settings.json is missing: cp local.settings.json.example local.settings.json; docs/getting-started.md says what it needs"; exit 1; }
	@cp local.settings.json dist/
	cd dist && func start

test: need-go need-cc azurite kusto graphtypes msalnode axe ## all tests, shuffled, with the race detector (wants a C compiler and Node)
	$(TEST) -race -timeout 45m $$($(GO) list ./... | grep -v /handler/feeds$$)
	@# Without the race detector, which makes feeds last six times as long; their code is raced by the suites above.
	$(TEST) -timeout 30m ./handler/feeds
	$(TEST) -timeout 20m -run '^TestBurst' ./handler/app
	$(MAKE) --no-print-directory strikes QUICK=1

# What quick leaves out besides: packages whose tests start the built program, a browser or Node, and feeds.
PLAYED := /local$$|/local/(chaos|inbox|pagetest|sbom|kusto|graphtypes|msalnode|azurite)$$|/handler/feeds$$

quick: need-go ## the inner loop, under a minute: vet, staticcheck on what changed, unit tests without what plays long
	@$(GO) vet ./...
	@changed=$$({ git diff --name-only HEAD; git ls-files --others --exclude-standard; } | grep '\.go$$' | grep -v '^tools/' | xargs -r -n1 dirname | sort -u); \
	  for d in $$changed; do [ ! -d $$d ] || echo ./$$d; done | xargs -r $(GO) tool -modfile=tools/go.mod staticcheck
	$(GO) test -short $$($(GO) list ./... | grep -Ev '$(PLAYED)')

feeds: need-go ## FEEDS feeds of alerts (default 10000) against every promise; SOURCE=defender, graph or both plays those only, SEED=<n> the same ones again
	CORDON_FEEDS=$(FEEDS) CORDON_FEEDS_SOURCE=$(SOURCE) $(GO) test -count=1 -timeout 3h -v ./handler/feeds $(if $(SEED),-rapid.seed=$(SEED))

house: need-go ## how pleasant the code is to stay in: figures beside what is wanted, and the worst offenders
	@cd tools && $(GO) build -o ../build/ ./house
	@build/house handler

lint: need-go licenses ## gofmt, vet, staticcheck, gosec, govulncheck, shellcheck (if it is there), licences, import rule, length of lines
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt'd:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	@cd tools && $(GO) vet ./... && $(GO) test ./... && $(GO) build -o ../build/ ./gosec ./vulncheck
	build/gosec $$($(GO) list -f '{{.Dir}}' ./...)
	@GO='$(GO)' build/vulncheck
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run $$(git ls-files '*.sh'); \
	  elif [ "$$CI" = true ]; then echo "make lint: shellcheck is missing; install it"; exit 1; else echo "shellcheck: NOT RUN, it is not installed"; fi
	$(GO) test -run TestImports ./handler
	@cd tools && $(GO) build -o ../build/ ./house
	@for d in handler local infra docs tools; do build/house -check $$d || exit 1; done

fuzz: need-go ## every fuzz target for FUZZTIME (default 20s)
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	  echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: need-go ## benchmarks, as ratios measured in one run, and a burst of alerts against the API's quotas
	$(GO) test -timeout 30m -run '^TestBurst' -bench . -benchmem ./handler/... ./local

golden: need-go ## rewrite golden files and show the difference
	$(GO) test ./docs ./handler/cli ./handler/notice ./handler/operate ./handler/playbook/read -update
	@git --no-pager diff --stat -- '*.golden' docs

# The zip depends on the sources, VERSION and the version of Go, which go.mod names (a newer one stays as it is), and on
# nothing else: not on the folder, the repository's state, the time, the user's file modes or settings of the go command.
package: need-go tool ## build/cordon.zip for Linux x64, ready to deploy, the same byte for byte from the same sources
	@rm -rf build/stage && mkdir -p build/stage
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 GOFLAGS= GOEXPERIMENT= GOFIPS140=off GOWORK=off \
	  $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o build/stage/cordon ./handler
	@cp host.json playbook.yaml LICENSE build/stage/ && cp -R functions/. hunts build/stage/
	@build/local sbom --version '$(VERSION)' build/stage/cordon build/stage
	@build/local package build/stage build/cordon.zip

reproducible: need-go ## make the package in two fresh clones, without a common build cache, and compare (takes minutes)
	COLD=1 $(TEST) -count=1 -timeout 30m -run TestThePackageIsTheSameFromTwoClones -v ./local

licenses: need-go ## list the licence of every Go module; fails on one that does not permit commercial use
	@$(GO) mod download && $(GO) mod download -C tools
	@$(GO) run ./local licenses

azurite: ## install the storage emulator that the ledger is also tested against
kusto: ## install the vendor's parser that every query is held against
graphtypes: ## install the vendor's types that what goes to Graph and comes from it is held against
msalnode: ## install the vendor's client that signs in at the stand-in of Entra
axe: ## install the accessibility rules that every page for people is held against
azurite kusto graphtypes msalnode axe:
	@if ! command -v npm >/dev/null; then \
	  if [ "$$CI" = true ]; then echo "make $@: npm is missing; install Node 20 or newer"; exit 1; fi; \
	  echo "make $@: npm is missing, the tests that want $@ are skipped; install Node 20 or newer to run them"; \
	elif [ ! -e local/$@/node_modules/.package-lock.json ]; then cd local/$@ && npm ci --no-audit --no-fund --loglevel=error; fi

clean: ## remove what the other targets made
	rm -rf dist build local/azurite/node_modules local/kusto/node_modules local/graphtypes/node_modules \
	  local/msalnode/node_modules local/axe/node_modules

need-go:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is missing: https://go.dev/dl"; exit 1; }

need-cc:
	@[ -n "$$($(GO) env CC)" ] && command -v $$($(GO) env CC) >/dev/null || { echo "the race detector wants a C compiler (gcc); install one or run: make quick"; exit 1; }
.PHONY: need-go need-cc tool
