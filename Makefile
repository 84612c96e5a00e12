# Everything here also runs on a machine without a container registry, and
# `make demo` without Docker: the scripts bring or replace what is missing.

.PHONY: demo test bench lint fuzz clean

demo: ## run the whole stack once and print what was collected (CLIENTS=N)
	@scripts/demo

test: ## every test, with the race detector, against the real images
	@scripts/test

bench: ## every benchmark
	go test -run '^$$' -bench . -benchmem ./...

lint: ## format, vet, staticcheck, go.mod, scripts, known vulnerabilities
	@scripts/lint

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@scripts/fuzz

clean: ## remove the demo's containers and volumes, and what a local run left
	@scripts/clean
