# All commands of this project. `make` lists them. Each command installs what it needs.

.DEFAULT_GOAL := help

# Tests and scripts find their tools by these variables. Tests and checks share the profile `test`, so that they share what is
# built in target/.
export VENV := $(CURDIR)/.venv
export PATH := $(VENV)/bin:$(PATH)
# It puts SAM's environment first, because cargo-lambda starts zig with the first python3 of PATH.
include scripts/deploy/deploy.mk
# SAM needs a region even to lint.
SAM := AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} sam

PYTHON_READY := .venv/.stamp
CHECKOV_READY := .venv-checkov/.stamp
# A separate package: see "genai is the second reader in the tests" in DESIGN.md.
GENAI := tests/oracles/genai/Cargo.toml
# A package that is in no workspace, as those of users are.
OUTSIDE := tests/outside/Cargo.toml
# No registry has it ready to run, so it is built once, for some minutes.
SEMVER_VERSION := 0.51.0
SEMVER_FOLDER := target/tools/semver-checks-$(SEMVER_VERSION)
SEMVER := $(SEMVER_FOLDER)/bin/cargo-semver-checks
CLIENTS_READY := tests/clients/node_modules/.stamp
WEB_READY := examples/web/node_modules/.stamp
WEB_BUILT := examples/web/dist/.stamp
WEB_TESTS_READY := tests/web/node_modules/.stamp
FORWARD_READY := examples/forward/node_modules/.stamp
# The tests build these pages themselves.
PAGES_READY := examples/plain/node_modules/.stamp examples/assistant-ui/node_modules/.stamp
# The browser of the tests. Debian's package `chromium` puts it here.
export CHROMIUM ?= /usr/bin/chromium

# SAM passes no flags to cargo, so the lockfile is checked before.
UP_TO_DATE = cargo metadata --locked --format-version 1 >/dev/null

.PHONY: help new run dev doctor web invoke test test-faults test-long test-docs test-web test-starter bench-web picture set-up programs test-model check lint-template scan-template audit semver requirements bench compare build package sizes clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The package of an example. Empty for the function of this repository.
PACKAGE = $(filter-out ag-ui-lambda,$(FUNCTION))

new: ## Make a project of your own (DIR=../my-agent)
	@$(need_cargo)
	@$(need_python)
	@DIR="$(DIR)" scripts/new-project.sh

run: ## Serve the function on this machine, with a page to talk to it (FUNCTION=dojo, AGUI_PORT=9000, AGUI_MODEL=...)
	@$(need_cargo)
	@$(call need,cc,apt-get install build-essential)
	@AGUI_LOCAL=1 cargo run --locked $(if $(PACKAGE),--package $(PACKAGE))

dev: ## Serve it with faults: rotation, deadline, cut connection, throttling... (FUNCTION=dojo)
	@$(need_cargo)
	@cargo run --locked --package ag-ui-dev --no-default-features --features cli -- $(if $(PACKAGE),--package $(PACKAGE),--bin ag-ui-lambda)

web: $(WEB_BUILT) ## Serve a CopilotKit application in front of the demo agent (PORT=3000, AGUI_MODEL=...)
	@$(need_cargo)
	@$(call need,cc,apt-get install build-essential)
	@node examples/web/start.mjs

doctor: ## Look for what is missing: tools, AWS account, secrets, model, endpoint (ARGS="--url https://... --run")
	@$(need_cargo)
	@$(call need,cc,apt-get install build-essential)
	@cargo run --locked --quiet --package ag-ui-dev -- doctor $(ARGS)

EVENT ?= events/function-url-tool.json
invoke: ## Send one event to the function that `make run` serves (EVENT=events/...)
	@echo "invoke: $(EVENT)"
	@$(call need,curl,apt-get install curl)
	@EVENT=$(EVENT) scripts/invoke.sh

test: $(PYTHON_READY) $(SAM_READY) $(CLIENTS_READY) $(FORWARD_READY) programs ## Run all tests, with real components
	@echo "test: the page of local mode"
	@node --test crates/ag-ui-dev/page/tests/*.test.mjs
	@echo "test: every package"
	@cargo test --locked --workspace
	@echo "test: a package outside of the workspace, which uses the library as its users do"
	@cargo test --locked --manifest-path $(OUTSIDE) --target-dir target/outside
	@$(MAKE) --no-print-directory test-docs
	@$(MAKE) --no-print-directory test-starter
	@if [ -x "$(CHROMIUM)" ]; then $(MAKE) --no-print-directory test-web; else \
	  printf '%s\n' "" "***" "*** NOT TESTED: the web example. There is no $(CHROMIUM)." \
	    "*** Install it (apt-get install chromium), or set CHROMIUM, and run: make test-web" "***" "" >&2; fi

# The tests that docs/faults.md names in its rows.
FAULT_TESTS = $(shell grep '^| ' docs/faults.md | grep -o '`[a-z0-9_:]*::[a-z0-9_]*`' | tr -d '`' | sort -u)
TIMES ?= 1
test-faults: $(PYTHON_READY) $(SAM_READY) programs ## Run the tests of docs/faults.md (TIMES=20: 20 times in a row)
	@echo "test-faults: $(words $(FAULT_TESTS)) tests, $(TIMES) times"
	@for time in $$(seq $(TIMES)); do cargo test --locked --quiet --test it -- --exact $(FAULT_TESTS) || exit 1; done

# What the commands of the documents use beside the programs: the packages of the clients and of the examples.
test-docs: $(PYTHON_READY) $(SAM_READY) $(CLIENTS_READY) $(FORWARD_READY) $(PAGES_READY) $(WEB_BUILT) programs ## Run every block of code and every command of the README and docs/
	@echo "test-docs: blocks with a fault, which must fail"
	@$(UP_TO_DATE)
	@$(VENV)/bin/python -B tests/documents --self-test
	@echo "test-docs: every block and command of the README and docs/"
	@$(VENV)/bin/python -B tests/documents

# The inputs of test-long: their number, and the seed that they come from.
COUNT ?= 1000000
ifndef SEED
SEED := $(shell date +%s)
endif
test-long: $(PYTHON_READY) $(SAM_READY) programs ## Run tests that take long: hostile inputs (COUNT=1000000, SEED=7), and test-faults 20 times
	@echo "test-long: $(COUNT) hostile inputs of seed $(SEED)"
	@$${CARGO_TARGET_DIR:-target}/debug/hostile --seed $(SEED) --count $(COUNT)
	@$(MAKE) --no-print-directory test-faults TIMES=20

test-web: $(PYTHON_READY) $(CLIENTS_READY) $(FORWARD_READY) $(PAGES_READY) $(WEB_BUILT) $(WEB_TESTS_READY) programs ## Play the web example in Chromium as a person does, with both versions of HttpAgent
	@echo "test-web: examples/web in $(CHROMIUM); pictures are in target/web"
	@[ -x "$(CHROMIUM)" ] || { echo "$(CHROMIUM) is missing: apt-get install chromium, or set CHROMIUM to its path" >&2; exit 1; }
	@node tests/web/run.mjs

test-starter: $(SAM_READY) $(WEB_TESTS_READY) programs ## Follow docs/getting-started.md in a new project, on its pages too, and run what SAM builds of it
	@echo "test-starter: docs/getting-started.md, in a folder outside of this repository"
	@node --test tests/starter/*.test.mjs
	@node tests/starter/run.mjs

bench-web: $(WEB_BUILT) $(WEB_TESTS_READY) programs ## Measure the web example: weight of the page, first paint, from a press to the first word
	@node tests/web/measure.mjs

picture: $(WEB_BUILT) $(WEB_TESTS_READY) programs ## Photograph the web example for the README
	@node tests/web/picture.mjs

set-up: $(PYTHON_READY) $(SAM_READY) $(CLIENTS_READY) $(FORWARD_READY) $(PAGES_READY) $(WEB_READY) $(WEB_TESTS_READY) ## Install what checks and tests use (make -j2 set-up: two at once)

programs: ## Build the programs that tests start: the function, the examples, a second reader of streams
	@$(need_cargo)
	@echo "programs: the function and the examples, as the tests are built"
	@cargo build --locked --workspace --all-targets --profile test
	@echo "programs: the second reader of streams, which uses genai"
	@cargo build --locked --manifest-path $(GENAI) --target-dir target/genai

test-model: ## Check the function with a real model server (OPENAI_BASE_URL=http://..., AGUI_TEST_MODEL=...)
	@$(need_cargo)
	@[ -n "$$OPENAI_BASE_URL" ] || { echo "OPENAI_BASE_URL is not set: it names the server, http://127.0.0.1:8080/v1 for example; docs/models.md says how to start one" >&2; exit 1; }
	@echo "test-model: the function binary in front of $$OPENAI_BASE_URL"
	@cargo test --locked --quiet --test it model_server:: -- --ignored --nocapture --test-threads=1

check: $(PYTHON_READY) lint-template ## Check format, imports, licences, lints, documentation and the template. Every commit must pass
	@$(need_cargo)
	@echo "check: format"
	@cargo fmt --all --check
	@cargo fmt --check --manifest-path $(GENAI)
	@cargo fmt --check --manifest-path $(OUTSIDE)
	@echo "check: which file imports which"
	@cargo test --locked --quiet --package structure
	@echo "check: licences, banned crates, sources of crates"
	@cargo deny --locked check licenses bans sources
	@cargo deny --locked --manifest-path $(GENAI) --config deny.toml check -A license-not-encountered licenses bans sources
	@cargo deny --locked --manifest-path $(OUTSIDE) --config deny.toml check -A license-not-encountered licenses bans sources
	@echo "check: clippy, everything"
	@cargo clippy --locked --workspace --all-targets --features fuzz/libfuzzer --profile test -- -D warnings
	@echo "check: clippy, the library without features, with only lambda, and with only http-models"
	@cargo clippy --locked --package ag-ui-lambda --no-default-features --profile test -- -D warnings
	@cargo clippy --locked --package ag-ui-lambda --no-default-features --features lambda --profile test -- -D warnings
	@cargo clippy --locked --package ag-ui-lambda --no-default-features --features http-models --all-targets --profile test -- -D warnings
	@echo "check: clippy, the program that reads streams with genai"
	@cargo clippy --locked --manifest-path $(GENAI) --target-dir target/genai -- -D warnings
	@echo "check: clippy, the package outside of the workspace"
	@cargo clippy --locked --manifest-path $(OUTSIDE) --target-dir target/outside --all-targets -- -D warnings
	@echo "check: the links of the documentation"
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --workspace --no-deps --features otel --profile test
	@echo "check: what crates.io would get of the crates"
	@cargo package --workspace --exclude hostile --exclude fuzz --locked --quiet --allow-dirty --no-verify

lint-template: $(PYTHON_READY) $(SAM_READY) ## Lint template.yaml and the templates in deploy/, unchanged and as SAM expands them
	@echo "lint-template: template.yaml and deploy/, unchanged and expanded"
	@mkdir -p target
	@cfn-lint template.yaml deploy/*.yaml deploy/github/role.yaml
	@# W3011: SAM copies the policy that keeps the versions of a function to its alias, which needs none.
	@for template in template.yaml deploy/*.yaml; do \
	  python scripts/expand-template.py "$$template" >target/template.expanded.json && \
	  cfn-lint --ignore-checks W3011 -- target/template.expanded.json && \
	  $(SAM) validate --lint --template "$$template" || exit 1; \
	done

scan-template: $(PYTHON_READY) $(CHECKOV_READY) ## Look for weak settings in the templates, with checkov (installs 300 MB)
	@echo "scan-template: template.yaml and deploy/, as SAM expands them"
	@mkdir -p target/templates
	@for template in template.yaml deploy/*.yaml deploy/github/role.yaml; do \
	  python scripts/expand-template.py "$$template" >"target/templates/$$(basename "$$template" .yaml).json" || exit 1; \
	done
	@LOG_LEVEL=ERROR .venv-checkov/bin/checkov --config-file tests/checkov/config.yaml --directory target/templates

audit: $(PYTHON_READY) ## Look the crates up in RustSec's advisories, which are on github.com
	@$(need_cargo)
	@echo "audit: crates with an advisory"
	@cargo deny --locked fetch db || { echo "audit: the database cannot be reached, so no crate was checked" >&2; exit 1; }
	@cargo deny --locked check --disable-fetch advisories

# The commit that the public API is compared with.
BASE ?= HEAD
semver: $(SEMVER) ## Compare the public API of the crates with that of a commit (BASE=v0.1.0): which changes break users
	@echo "semver: ag-ui-wire and ag-ui-lambda, compared with $(BASE)"
	@$(need_cargo)
	@$(SEMVER) semver-checks --baseline-rev $(BASE) --package ag-ui-wire --package ag-ui-lambda

requirements: ## Pin the Python packages of each requirements.in, with hashes
	@echo "requirements: tests, deploy, benches/compare/*"
	@$(need_python)
	@scripts/requirements.sh

bench: $(PYTHON_READY) ## Measure the function's process: start, memory, time to first event, CPU per event
	@echo "bench: the function binary through the emulator"
	@$(need_cargo)
	@cargo bench --locked

compare: ## Measure the library beside AG2, Pydantic AI, Strands and CopilotKit, in 20 minutes (UPDATE=1 writes docs/compare.md)
	@echo "compare: ag-ui-lambda and others, with their packages in target/compare"
	@$(need_cargo)
	@$(need_python)
	@$(call need,npm,install Node 20.19 or later with npm)
	@PYTHONDONTWRITEBYTECODE=1 python3 benches/compare/compare.py

build: $(SAM_READY) ## Package the agent function for AWS (arm64 zip)
	@echo "build: target/lambda/ag-ui-lambda/bootstrap.zip"
	@$(need_cargo)
	@cargo lambda build --locked --release --arm64 --output-format zip --bin ag-ui-lambda

package: $(PYTHON_READY) $(SAM_READY) ## Build both functions as SAM deploys them, and check that they are for arm64
	@echo "package: .aws-sam/build"
	@$(need_cargo)
	@$(UP_TO_DATE)
	@$(SAM) build
	@$(SAM) build --template deploy/rotation.yaml --build-dir .aws-sam/rotation
	@python scripts/check-package.py .aws-sam/build Agent
	@python scripts/check-package.py .aws-sam/rotation Rotate

sizes: $(PYTHON_READY) $(SAM_READY) ## Package the function with each set of features and print its size (takes long)
	@echo "sizes: bytes of the zip, arm64"
	@$(need_cargo)
	@scripts/sizes.sh

clean: ## Remove everything that was built or installed here
	@echo "clean: target, .aws-sam, .venv, .venv-sam, .venv-checkov, node_modules, examples/*/dist"
	@rm -rf target .aws-sam .venv .venv-sam .venv-checkov tests/*/node_modules examples/*/node_modules examples/*/dist

# Set-up. The stamp is written last, so that an interrupted installation is repeated.

$(PYTHON_READY): tests/requirements.txt
	$(call environment,.venv,tests/requirements.txt)

$(CHECKOV_READY): tests/checkov/requirements.txt
	$(call environment,.venv-checkov,tests/checkov/requirements.txt)

$(SEMVER):
	@echo "set-up: cargo-semver-checks into $(SEMVER_FOLDER)"
	@$(need_cargo)
	@cargo install --quiet --locked --root $(SEMVER_FOLDER) --target-dir target/tools/build --version $(SEMVER_VERSION) cargo-semver-checks

# Every folder with packages of npm has a lockfile.
%/node_modules/.stamp: %/package-lock.json %/package.json
	@echo "set-up: $*/node_modules"
	@$(call need,node,install Node 20.19 or later)
	@$(call need,npm,install Node 20.19 or later with npm)
	@cd $* && npm ci --no-audit --no-fund
	@touch $@

$(WEB_BUILT): $(WEB_READY) $(shell find examples/web -name node_modules -prune -o -name dist -prune -o -name server -prune -o -type f -print 2>/dev/null)
	@echo "set-up: the page of examples/web into examples/web/dist"
	@cd examples/web && npm run --silent build
	@touch $@
