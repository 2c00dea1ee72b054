# Every command of this project. `make` lists them; each does the set-up it needs.

.DEFAULT_GOAL := help

# What the tests and scripts find their tools by. Tests, checks and the bench share the profile `test`, so one warm target/.
export VENV := $(CURDIR)/.venv
# SAM has an environment of its own: it is large, and only linting and deploying need it.
SAM_VENV := $(CURDIR)/.venv-sam
export PATH := $(VENV)/bin:$(SAM_VENV)/bin:$(PATH)
# SAM reports to nobody, and asks for a region even to lint.
export SAM_CLI_TELEMETRY := 0
SAM := AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} sam

PYTHON_READY := .venv/.stamp
SAM_READY := .venv-sam/.stamp
# A package of its own: see "genai is the second reader" in DESIGN.md.
GENAI := tests/oracles/genai/Cargo.toml
CLIENTS_READY := tests/clients/node_modules/.stamp

# $(call need,command,where it comes from)
need = command -v $(1) >/dev/null 2>&1 || { echo "$(1) is missing: $(2)" >&2; exit 1; }
# SAM hands cargo no flag, so the lockfile is looked at before.
UP_TO_DATE = cargo metadata --locked --format-version 1 >/dev/null
need_cargo = $(call need,cargo,install Rust from https://rustup.rs)
# The pinned tools and their hashes are for these versions of Python.
define need_python
$(call need,python3,apt-get install python3 python3-venv); \
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 is older than 3.11, which the pinned tools need" >&2; exit 1; }; \
python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "python3 has no venv: apt-get install python3-venv" >&2; exit 1; }
endef

.PHONY: help run dev invoke test programs test-model check lint-template audit requirements bench build package deploy sizes clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# The package of an example; none for the function of this repository.
PACKAGE = $(filter-out ag-ui-lambda,$(FUNCTION))

run: ## Serve the function on this machine, with a page (FUNCTION=dojo, AGUI_PORT=9000, AGUI_MODEL=...)
	@$(need_cargo)
	@$(call need,cc,apt-get install build-essential)
	@AGUI_LOCAL=1 cargo run --locked $(if $(PACKAGE),--package $(PACKAGE))

dev: ## The same with faults to inject: rotation, deadline, cut, throttle... (FUNCTION=dojo)
	@$(need_cargo)
	@cargo run --locked --package ag-ui-dev -- $(if $(PACKAGE),--package $(PACKAGE),--bin ag-ui-lambda)

EVENT ?= events/function-url-tool.json
invoke: ## Send one event to the function that `make run` serves (EVENT=events/...)
	@echo "invoke: $(EVENT)"
	@$(call need,curl,apt-get install curl)
	@EVENT=$(EVENT) scripts/invoke.sh

test: $(PYTHON_READY) $(SAM_READY) $(CLIENTS_READY) programs ## Run every test, against real components
	@echo "test: the page of local mode"
	@node --test crates/ag-ui-dev/page/tests/*.test.mjs
	@echo "test: every package"
	@cargo test --locked --workspace

programs: ## Build what the tests start: the function, the examples, a second reader of streams
	@$(need_cargo)
	@echo "programs: the function and the examples, as the tests are built"
	@cargo build --locked --workspace --all-targets --profile test
	@echo "programs: the one that reads streams with genai"
	@cargo build --locked --manifest-path $(GENAI) --target-dir target/genai

test-model: ## Try the function with a real model server (OPENAI_BASE_URL=http://..., AGUI_TEST_MODEL=...)
	@$(need_cargo)
	@[ -n "$$OPENAI_BASE_URL" ] || { echo "OPENAI_BASE_URL is not set: it names the server, http://127.0.0.1:8080/v1 for example; docs/models.md says how to start one" >&2; exit 1; }
	@echo "test-model: the function binary in front of $$OPENAI_BASE_URL"
	@cargo test --locked --quiet --test it model_server:: -- --ignored --nocapture --test-threads=1

check: $(PYTHON_READY) lint-template ## Check format, imports, licences, lints, documentation and the template; every commit passes it
	@$(need_cargo)
	@echo "check: format"
	@cargo fmt --all --check
	@cargo fmt --check --manifest-path $(GENAI)
	@echo "check: which file imports which"
	@cargo test --locked --quiet --package structure
	@echo "check: licences, crates that are banned, where crates come from"
	@cargo deny --locked check licenses bans sources
	@cargo deny --locked --manifest-path $(GENAI) --config deny.toml check -A license-not-encountered licenses bans sources
	@echo "check: clippy, everything"
	@cargo clippy --locked --workspace --all-targets --profile test -- -D warnings
	@echo "check: clippy, the library without features, and with only lambda"
	@cargo clippy --locked --package ag-ui-lambda --no-default-features --profile test -- -D warnings
	@cargo clippy --locked --package ag-ui-lambda --no-default-features --features lambda --profile test -- -D warnings
	@echo "check: clippy, the program that reads streams with genai"
	@cargo clippy --locked --manifest-path $(GENAI) --target-dir target/genai -- -D warnings
	@echo "check: the links of the documentation"
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --workspace --no-deps --features otel --profile test
	@echo "check: what crates.io would get of the crates"
	@cargo package --workspace --locked --quiet --allow-dirty --no-verify

lint-template: $(PYTHON_READY) $(SAM_READY) ## Lint template.yaml, as it is and as SAM expands it, and those in deploy/
	@echo "lint-template: template.yaml, as it is and expanded, and deploy/"
	@mkdir -p target
	@cfn-lint template.yaml deploy/*.yaml
	@python scripts/expand-template.py template.yaml >target/template.expanded.json
	@cfn-lint target/template.expanded.json
	@for template in template.yaml deploy/*.yaml; do $(SAM) validate --lint --template "$$template" || exit 1; done

audit: $(PYTHON_READY) ## Look the crates up in RustSec's database of advisories, which is on github.com
	@$(need_cargo)
	@echo "audit: crates with an advisory"
	@cargo deny --locked fetch db || { echo "audit: the database can't be reached from here, so nothing was looked up" >&2; exit 1; }
	@cargo deny --locked check --disable-fetch advisories

requirements: ## Pin the Python tools of tests/requirements.in and deploy/requirements.in, with hashes
	@echo "requirements: tests/requirements.txt, deploy/requirements.txt"
	@$(need_python)
	@scripts/requirements.sh

bench: $(PYTHON_READY) ## Measure the whole process: start, memory, time to first event, CPU per event
	@echo "bench: the function binary through the emulator"
	@$(need_cargo)
	@cargo bench --locked --profile test

build: $(PYTHON_READY) ## Package the agent's function for AWS (arm64 zip)
	@echo "build: target/lambda/ag-ui-lambda/bootstrap.zip"
	@$(need_cargo)
	@cargo lambda build --locked --release --arm64 --output-format zip --bin ag-ui-lambda

package: $(PYTHON_READY) $(SAM_READY) ## Build both functions as SAM deploys them, and check that they are for arm64
	@echo "package: .aws-sam/build"
	@$(need_cargo)
	@$(UP_TO_DATE)
	@$(SAM) build
	@python scripts/check-package.py .aws-sam/build Agent Rotate

deploy: $(PYTHON_READY) $(SAM_READY) ## Put the agent into AWS with SAM, or the function alone (WITH=cargo-lambda)
	@echo "deploy: with $${WITH:-sam}"
	@$(need_cargo)
	@scripts/deploy.sh

sizes: $(PYTHON_READY) ## Package the function once for each set of features and tell the bytes (takes long)
	@echo "sizes: bytes of the zip, arm64"
	@$(need_cargo)
	@scripts/sizes.sh

clean: ## Remove all that was built or set up here
	@echo "clean: target, .aws-sam, .venv, .venv-sam, tests/clients/node_modules"
	@rm -rf target .aws-sam .venv .venv-sam tests/clients/node_modules

# Set-up. A stamp is written last, so that what was interrupted is done again.

# $(call environment,folder,requirements)
define environment
	@echo "set-up: $(2) into $(1)"
	@$(need_python)
	@[ -x $(1)/bin/python ] || python3 -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
	@touch $@
endef

$(PYTHON_READY): tests/requirements.txt
	$(call environment,.venv,tests/requirements.txt)

$(SAM_READY): deploy/requirements.txt
	$(call environment,.venv-sam,deploy/requirements.txt)

$(CLIENTS_READY): tests/clients/package-lock.json tests/clients/package.json
	@echo "set-up: the official clients into tests/clients/node_modules"
	@$(call need,node,install Node 20 or later)
	@$(call need,npm,install Node 20 or later with npm)
	@cd tests/clients && npm ci --no-audit --no-fund
	@touch $@
