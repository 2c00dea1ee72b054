# `make deploy` and its companions. A project of your own can include this file: copy scripts/deploy, deploy, samconfig.toml and
# template.yaml, and write `include scripts/deploy/deploy.mk` into its Makefile.

# SAM has its own environment, because it is large and only linting and deploying need it. It has cargo-lambda, too.
# make splits names at blanks, so this one has none, in whatever folder the project is.
SAM_VENV ?= .venv-sam
SAM_READY := $(SAM_VENV)/.stamp
# Programs of it are also started in other folders.
export PATH := $(if $(filter /%,$(SAM_VENV)),,$(CURDIR)/)$(SAM_VENV)/bin:$(PATH)
# SAM sends no telemetry.
export SAM_CLI_TELEMETRY := 0

# $(call need,command,how to install it)
need = command -v $(1) >/dev/null 2>&1 || { echo "$(1) is missing: $(2)" >&2; exit 1; }
need_cargo = $(call need,cargo,install Rust from https://rustup.rs)
# The pinned tools and their hashes are for these versions of Python.
define need_python
$(call need,python3,apt-get install python3 python3-venv); \
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 is older than 3.11, which the pinned tools need" >&2; exit 1; }; \
python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "python3 has no venv: apt-get install python3-venv" >&2; exit 1; }
endef

DEPLOY = $(SAM_VENV)/bin/python -B scripts/deploy

.PHONY: deploy plan rollback destroy token

deploy: $(SAM_READY) ## Deploy to AWS; asks at most four questions the first time (ENV=prod, PARAMETERS=..., WITH=cargo-lambda)
	@$(need_cargo)
	@$(DEPLOY) deploy

plan: $(SAM_READY) ## Show what a deployment would change, as change sets that are not executed (ENV=prod)
	@$(need_cargo)
	@$(DEPLOY) plan

rollback: $(SAM_READY) ## Go back to the version of the function before (ENV=prod, VERSION=7)
	@$(DEPLOY) rollback

destroy: $(SAM_READY) ## Delete what was deployed (ENV=prod)
	@$(DEPLOY) destroy

token: $(SAM_READY) ## Print the shared token of a deployment (ENV=prod)
	@$(DEPLOY) token

# $(call environment,folder,requirements). The stamp is written last, so that an interrupted installation is repeated.
define environment
	@echo "set-up: $(2) into $(1)" >&2
	@$(need_python)
	@[ -x $(1)/bin/python ] || python3 -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
	@touch $@
endef

$(SAM_READY): deploy/requirements.txt
	$(call environment,$(SAM_VENV),deploy/requirements.txt)
