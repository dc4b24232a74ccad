# `make run` and `make test` do all the setup themselves; they need only Python >= 3.11.
PYTHON ?= python3
TOOLS  := .tools
UV     := $(TOOLS)/uv/bin/uv
SAM    := $(TOOLS)/sam/bin/sam
PY     := .venv/bin/python

# Target architecture of `make build`: arm64 or x86_64. `sam local` needs this machine's.
ARCHITECTURE ?= arm64

# The functions' Python version, for `sam build` and the tests of its output: from PATH, pyenv or uv.
PYTHON313 := $(or $(PYTHON313),$(shell for p in python3.13 "$$(pyenv prefix 3.13 2>/dev/null)/bin/python3.13" \
	"$$($(UV) python find --managed-python 3.13 2>/dev/null)"; do "$$p" -c '' 2>/dev/null && command -v "$$p" && break; done))
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

# The tests that need no running cloud.
FAST_TESTS := client/tests admin/tests tests/unit tests/integration tests/contract

.DEFAULT_GOAL := help
.PHONY: help run test chaos duplicates outages bench check picture audit fmt pins certificates build clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/.ready $(TOOLS)/ministack/.ready ## start the engine on this machine (Ctrl-C stops it)
	@exec $(PY) -m localcloud

test: .venv/.ready $(TOOLS)/ministack/.ready $(TOOLS)/sam/.ready $(if $(PYTHON313),$(TOOLS)/lambda/.ready) ## run every test (FAST=1: without a running cloud; JOBS=2)
	$(PY) -m pytest -n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder $(if $(FAST),-m "not reliability" $(FAST_TESTS))

chaos: .venv/.ready $(TOOLS)/ministack/.ready ## run 10,000 orders while injecting failures (ORDERS=, SEED=, DEFAULTS=1)
	$(PY) -m testing.faults.chaos --orders $(or $(ORDERS),10000) --seed $(or $(SEED),1) $(if $(DEFAULTS),--defaults)

duplicates: .venv/.ready ## run 2,000 orders whose messages are delivered several times (ORDERS=, SEED=)
	$(PY) -m testing.faults.duplicates --orders $(or $(ORDERS),2000) --seed $(or $(SEED),1)

outages: .venv/.ready $(TOOLS)/ministack/.ready ## measure the cost of outages with the deployed defaults, in half an hour (ONLY=queue,workers)
	$(PY) -m testing.faults.outages $(if $(ONLY),--only $(ONLY))

bench: .venv/.ready $(TOOLS)/ministack/.ready $(TOOLS)/sam/.ready $(TOOLS)/layer/.ready ## regenerate benchmarks/results.md (ONLY=burst,worker RUNS=3)
	$(PY) -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(if $(ORDERS),--orders $(ORDERS))

check: .venv/.ready $(TOOLS)/sam/.ready $(TOOLS)/checkov/.ready audit $(if $(PYTHON313),build) ## check format, lint, types, security, template and workflows
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	@# Each function is a separate program with its own `app` module.
	echo functions/*/ localcloud/tests/example/*/ | xargs -n 1 $(PY) -m mypy
	echo */tests/ | xargs -n 1 $(PY) -m mypy --exclude example/
	$(UV) tool run deno@2.5.6 lint --quiet --config tools/deno.json functions/dashboard/web
	$(UV) tool run deno@2.5.6 check --quiet --config tools/deno.json functions/dashboard/web
	$(PY) -m bandit -q -c pyproject.toml -r layers functions admin/src client/src localcloud/src infrastructure
	$(SAM) validate --lint
	$(TOOLS)/sam/bin/cfn-lint infrastructure/*.yaml
	$(TOOLS)/checkov/bin/checkov --config-file .checkov.yaml --file template.yaml $(wildcard infrastructure/*.yaml)
	$(UV) tool run check-jsonschema==0.39.0 --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(UV) tool run zizmor==1.32.0 --offline --quiet --min-severity medium .github/workflows

picture: .venv/.ready $(TOOLS)/ministack/.ready ## regenerate the README's picture of the dashboard
	PICTURE=docs/dashboard.png $(PY) -m pytest -q tests/e2e/browser/test_picture.py

audit: .venv/.ready ## check the dependencies for known vulnerabilities
	$(UV) export --quiet --frozen --no-emit-workspace --output-file $(TOOLS)/audited.txt
	$(UV) tool run pip-audit==2.10.1 --requirement $(TOOLS)/audited.txt --disable-pip

certificates: .venv/.ready ## regenerate the root certificates with which functions verify Postgres
	$(PY) infrastructure/certificates.py

fmt: .venv/.ready ## format the code and apply automatic fixes
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

pins: $(UV) ## regenerate the layer's requirements from uv.lock
	$(UV) export --quiet --frozen --no-default-groups --no-emit-workspace --no-annotate --output-file layers/order_engine/requirements.txt \
		--prune boto3 --prune snapshot-restore-py

build: $(TOOLS)/sam/.ready $(TOOLS)/lambda/.ready ## run sam build (ARCHITECTURE=arm64)
	PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)

clean: ## remove everything that make created, including the local data
	rm -rf .venv $(TOOLS) .local .aws-sam .pytest_cache .mypy_cache .ruff_cache

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python >= 3.11 is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up (once) ..."
	@$(PYTHON) -m venv $(TOOLS)/uv
	@$(TOOLS)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

.venv/.ready: pyproject.toml $(wildcard */pyproject.toml) uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --python $(PYTHON)
	@touch $@

# The packages that the Lambda runtime includes, and pip for building. uv downloads Python 3.13 if there is none.
$(TOOLS)/lambda/.ready: tools/lambda.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(or $(PYTHON313),3.13) $(TOOLS)/lambda
	@$(UV) pip install --quiet --compile-bytecode --python $(TOOLS)/lambda/bin/python --requirement $<
	@touch $@

# The layer's packages, for the benchmarks of single functions under that Python.
$(TOOLS)/layer/.ready: layers/order_engine/requirements.txt $(TOOLS)/lambda/.ready | $(UV)
	@rm -rf $(TOOLS)/layer
	@$(UV) pip install --quiet --compile-bytecode --target $(TOOLS)/layer --python $(TOOLS)/lambda/bin/python --requirement $<
	@touch $@

# The emulator, the SAM CLI and checkov pin older libraries than the engine, so each has its own environment.
$(TOOLS)/%/.ready: tools/%.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(PYTHON) $(TOOLS)/$*
	@$(UV) pip install --quiet --python $(TOOLS)/$*/bin/python --requirement $<
	@touch $@
