# Partnersync. `make help` lists the targets.

GO       ?= go
# Where `make run` serves the status page, and what else to tell the demo, such as
# DEMO='--once --opportunities 20000'.
LISTEN   ?= 127.0.0.1:8080
DEMO     ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X main.version=$(VERSION)

# Tools are pinned here, built once into bin/, and never part of go.mod.
GOLANGCI_LINT := v2.15.0
GOVULNCHECK   := v1.8.0

# Opportunities in the org and in the ledger that `make bench` generates.
BENCH_OPPORTUNITIES ?= 100000
# Opportunities in the orgs that its benchmark of pull reads.
BENCH_RECORDS ?= 100000
# Random histories on which `make oracle` holds the program against its simulation.
ORACLE_WORLDS ?= 10000
ORACLE_SEED ?= $(shell date +%s)

# Random sequences of steps on which `make machine` holds the book against its model.
MACHINE_CHECKS ?= 2000
# Tests that do the same thing very often, and where they are: those that draw what they do
# (rapid), and others. The race detector, under which they take up to ten times as long, sees
# what they run elsewhere. They take the same way every time: a change does not fail for what
# it did not do. `make properties` takes other ways, PROPERTY_CHECKS for each test.
LONG := ^(TestOracle_|TestR8_StateMachine|TestR8_3_AFlippedValueInAnyColumnIsFound|TestKill9InTheMiddleOfARun|TestR6_5_RewardsAreThoseOfTheOracle|TestR7_4_ATierSumsToItsRoundedWhole|$\
	TestR2_HistoriesAreThoseOfANaiveReplay|TestR2_SoItIsWhenRecordsContradictThemselves|TestR7_7_WhateverTheBatch|TestR7_7_VersionsComeInAnyOrder|$\
	TestR8_1_ALedgerThatChangedEndsAsOneThatIsNew|TestR8_2_AStatementEqualsTheAccounts|TestR8_4_WhateverIsClosedEveryMonthComesToWhatIsExpected|$\
	TestR8_5_WhateverHappensToLinesTheBookIsRight|TestTheWayOfSettlingChangesNoRow|TestMemoryDoesNotGrowWithTheOrg|$\
	TestACompanyHasEverythingThatHappens|TestACompanyIsWhole|TestTheSameOptionsMakeTheSameCompany|TestAStoreIsTheSameAfterItWasOpenedAgain|$\
	TestWhatWasAcknowledgedSurvivesAKill|TestPlansFindWhatANaiveScanFinds|TestGroupsHoldWhatANaiveScanCounts|$\
	TestParentsAndChildrenBelongTogether|TestIndexesAgreeWithLookingAtEverything)
LONG_DRAWN := $(addprefix ./ledger/,attribution book commission deal statement) ./salesforce/emulator/query ./salesforce/emulator/store
LONG_IN := ./sync/recount ./salesforce/emulator ./salesforce/emulator/company
PROPERTY_CHECKS ?= 500

# What of the fault suite takes seconds.
QUICK := ^(TestSimulation|TestNothingLeaks|TestDaylightSaving|TestEveryKindOfFaultIsPlayed)$$

# For how long `make soak` goes on; SOAK_SEED=N repeats the company of a failure instead.
DURATION ?= 1h
SOAK_SEED ?=

# Where `make clients` keeps the clients that it installs.
CLIENTS ?= .partnersync/clients

# A private Postgres for all test binaries of a command: in memory where there is room,
# as most of what a test costs there is a database of its own.
ON_POSTGRES := PARTNERSYNC_TEST_MEMORY=$$(scripts/memory-dir.sh) $(GO) run ./internal/pgtest/with --

.DEFAULT_GOAL := help
.PHONY: help run faults build test unit lint vet vulnerabilities bench bench-million bench-emulator oracle properties machine siege soak soak-leaks fuzz cover clients postgres pdftotext clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: postgres build ## Watch the main job: a demo company on a private Postgres and an emulated Salesforce.
	@PARTNERSYNC_HTTP_LISTEN=$(LISTEN) bin/partnersync demo $(DEMO)

build: ## Build bin/partnersync.
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/partnersync ./cmd/partnersync

test: postgres lint unit vulnerabilities ## Lint, vet, tests with the race detector, known vulnerabilities. CI also runs faults, oracle and the demo.

unit: postgres pdftotext ## All tests, nearly all with the race detector, on one private Postgres.
	@$(ON_POSTGRES) sh -c '\
		$(GO) test -race -timeout 25m -skip "$(LONG)" $$($(GO) list ./... | grep -v /cmd/partnersync/siege) && \
		$(GO) test -timeout 20m -run "$(LONG)" $(LONG_IN) && \
		$(GO) test -timeout 20m -run "$(LONG)" $(LONG_DRAWN) -rapid.seed=2026 -rapid.checks=50 && \
		$(GO) test -timeout 20m -run "$(LONG)" ./cmd/partnersync/wholeway -rapid.seed=2026 && \
		SOAK_COMPANIES=2 SOAK_STEPS=150 SIEGE_LEAK_RUNS=100 $(GO) test -timeout 10m -run "$(QUICK)" ./cmd/partnersync/siege'

faults: postgres ## The fault suite: kills, cut connections, a stopped Postgres, every fault of the org, 4,000 steps of a simulation (some minutes).
	@$(ON_POSTGRES) $(GO) test -count 1 -timeout 25m ./cmd/partnersync/siege

lint: vet bin/golangci-lint-$(GOLANGCI_LINT) ## gofmt, vet and golangci-lint.
	@bin/golangci-lint-$(GOLANGCI_LINT) run ./...

vet:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		if [ -n "$$unformatted" ]; then echo "Not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	@$(GO) vet ./...

# The vulnerability database is on the network. Where it, or the tool, cannot be
# reached, that is said and nothing fails; a vulnerability that is found fails.
vulnerabilities: ## Look the code up in Go's vulnerability database.
	@GO=$(GO) scripts/check-vulnerabilities.sh $(GOVULNCHECK)

bench: postgres ## Records a second and peak memory of each stage; accrue, pull and push against their floors.
	@BENCH_OPPORTUNITIES=$(BENCH_OPPORTUNITIES) BENCH_RECORDS=$(BENCH_RECORDS) $(GO) run ./internal/pgtest/with -- \
		$(GO) test ./cmd/partnersync/wholeway -run '^$$' -bench . -benchtime 1x -timeout 60m

bench-million: postgres ## Accrue against its floors, with 1,000,000 opportunities (some 20 GB of disk, a quarter of an hour).
	@BENCH_OPPORTUNITIES=1000000 $(GO) run ./internal/pgtest/with -- \
		$(GO) test ./cmd/partnersync/wholeway -run '^$$' -bench Accrue -benchtime 1x -timeout 120m

bench-emulator: ## What the emulator serves and takes, against the least that it must.
	@$(GO) test ./salesforce/emulator -run '^$$' -bench 'Pages|Upsert|Bulk|Million' -benchtime 2s -timeout 20m

oracle: postgres ## The program against an independent simulation, on ORACLE_WORLDS random histories (10,000).
	@ORACLE_WORLDS=$(ORACLE_WORLDS) ORACLE_SEED=$(ORACLE_SEED) $(ON_POSTGRES) \
		$(GO) test ./cmd/partnersync/wholeway -run TestOracle -count 1 -v -timeout 60m

properties: postgres ## What holds whatever happens, PROPERTY_CHECKS times for each test (500), another way each time.
	@$(ON_POSTGRES) $(GO) test -count 1 -timeout 120m -run "$(LONG)" $(LONG_DRAWN) -rapid.checks=$(PROPERTY_CHECKS)

machine: postgres ## The book against its model, on MACHINE_CHECKS random sequences of steps (2,000).
	@$(ON_POSTGRES) $(GO) test ./cmd/partnersync/wholeway -run TestR8_StateMachine \
		-count 1 -v -timeout 90m -rapid.checks=$(MACHINE_CHECKS) -rapid.nofailfile

siege: postgres ## All faults there are: a kill before each write, leases that run out, a program with the race detector (half an hour).
	@SIEGE_LONG=1 SOAK_DURATION=5m $(ON_POSTGRES) $(GO) test ./cmd/partnersync/siege -count 1 -v -timeout 90m

soak: postgres ## Simulated companies, synced under random faults, for DURATION (1h). SOAK_SEED=N repeats one.
	@SOAK_DURATION=$(if $(SOAK_SEED),,$(DURATION)) SOAK_SEED=$(SOAK_SEED) $(ON_POSTGRES) \
		$(GO) test ./cmd/partnersync/siege -run TestSimulation -count 1 -v -timeout 0

soak-leaks: postgres ## 10,000 runs in one process, which may hold no more at the end than at the beginning.
	@SIEGE_LEAK_RUNS=10000 $(ON_POSTGRES) \
		$(GO) test ./cmd/partnersync/siege -run TestNothingLeaks -count 1 -v -timeout 0

fuzz: ## Fuzz every decoder for a while (FUZZTIME=30s each).
	@scripts/fuzz.sh $${FUZZTIME:-30s}

clients: build ## Let the Salesforce CLI and jsforce loose on the emulator (with npm; some minutes).
	@scripts/clients/run.sh bin/partnersync $(CLIENTS) docs/emulator-clients.md

cover: postgres pdftotext ## Test coverage, by function.
	@$(ON_POSTGRES) $(GO) test -coverprofile=coverage.out -coverpkg=./... ./... && $(GO) tool cover -func=coverage.out

postgres:
	@scripts/ensure-postgres.sh

pdftotext:
	@scripts/ensure-pdftotext.sh

clean: ## Remove what was built and the demo's data.
	rm -rf bin .partnersync coverage.out

bin/golangci-lint-$(GOLANGCI_LINT):
	@echo "Building golangci-lint $(GOLANGCI_LINT), once…"
	@GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	@mv bin/golangci-lint $@
