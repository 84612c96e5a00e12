# Everything here also runs on a machine without a container registry, and
# `make demo` without Docker: the scripts bring or replace what is missing.

.PHONY: demo demo-cluster test test-root dist bench faults mutants lint fuzz clean

demo: ## run the whole stack once and print what was collected (CLIENTS=N)
	@scripts/demo

demo-cluster: ## the same on three servers and three NATS nodes, of which one each is killed on the way
	@scripts/demo-cluster

test: ## every test, with the race detector, against the real images
	@scripts/test

test-root: ## what of them needs root, for disks and other users: the packages that ask who runs them
	@scripts/tools
	go test -race -timeout 30m $$(grep -rl --include='*_test.go' 'Geteuid()' . | xargs dirname | sort -u)

dist: ## static programs for the systems that they run on, with SHA256SUMS, under dist/
	@scripts/dist

bench: ## every benchmark, then whole processes beside what the disk can do (three quarters of an hour)
	go test -run '^$$' -bench . -benchmem ./...
	go run ./integration/bench

faults: ## the long forms of the fault tests; root, for disks whose power can be cut (half an hour)
	go test -count=1 -timeout 120m -v ./integration/faults -faults.full
	go test -count=1 -timeout 120m -v -run PowerCut ./services/server/logbook/local -full

mutants: ## take each safeguard out on a copy: a test must notice (three quarters of an hour)
	go run ./integration/mutants

lint: ## format, vet, linters, go.mod, scripts, known vulnerabilities
	@scripts/lint

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz

clean: ## remove the demo's containers and volumes, and what a local run and dist left
	@scripts/clean
