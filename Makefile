# `make run` and `make test` do all the set-up themselves; they need python >= 3.11 and nothing else.
PYTHON ?= python3
TOOLS  := .tools
UV     := $(TOOLS)/uv/bin/uv
SAM    := $(TOOLS)/sam/bin/sam
PY     := .venv/bin/python

# What `make build` builds for; sam local wants this machine's: arm64 or x86_64.
ARCHITECTURE ?= arm64

# The functions' own Python, for sam build and the tests of what it builds: from PATH, from pyenv, or uv's own.
PYTHON313 := $(or $(PYTHON313),$(shell for p in python3.13 "$$(pyenv prefix 3.13 2>/dev/null)/bin/python3.13" \
	"$$($(UV) python find --managed-python 3.13 2>/dev/null)"; do "$$p" -c '' 2>/dev/null && command -v "$$p" && break; done))
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

.DEFAULT_GOAL := help
.PHONY: help run test chaos duplicates outages bench check picture audit fmt pins certificates build clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/.ready $(TOOLS)/ministack/.ready ## start the engine on this machine (Ctrl-C stops it)
	@exec $(PY) -m local

test: .venv/.ready $(TOOLS)/ministack/.ready $(TOOLS)/sam/.ready $(if $(PYTHON313),$(TOOLS)/lambda/.ready) ## every test
	$(PY) -m pytest

chaos: .venv/.ready $(TOOLS)/ministack/.ready ## 10,000 orders while everything breaks (ORDERS=, SEED=, DEFAULTS=1)
	$(PY) -m tests.reliability.chaos --orders $(or $(ORDERS),10000) --seed $(or $(SEED),1) $(if $(DEFAULTS),--defaults)

duplicates: .venv/.ready ## 2,000 orders whose messages come several times (ORDERS=, SEED=)
	$(PY) -m tests.reliability.duplicates --orders $(or $(ORDERS),2000) --seed $(or $(SEED),1)

outages: .venv/.ready $(TOOLS)/ministack/.ready ## what outages cost with the deployed defaults, half an hour (ONLY=queue,workers)
	$(PY) -m tests.reliability.outages $(if $(ONLY),--only $(ONLY))

bench: .venv/.ready $(TOOLS)/ministack/.ready $(TOOLS)/sam/.ready $(TOOLS)/layer/.ready ## benchmarks/results.md made anew (ONLY=burst,worker RUNS=3)
	$(PY) -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS)) $(if $(ORDERS),--orders $(ORDERS))

check: .venv/.ready $(TOOLS)/sam/.ready $(TOOLS)/checkov/.ready audit $(if $(PYTHON313),build) ## format, lint, types, security, template, workflows
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	@# Every function is a program of its own, with an `app` of its own.
	echo functions/*/ | xargs -n 1 $(PY) -m mypy
	$(PY) -m bandit -q -c pyproject.toml -r layers functions client local infrastructure
	$(SAM) validate --lint
	$(TOOLS)/sam/bin/cfn-lint infrastructure/*.yaml
	$(TOOLS)/checkov/bin/checkov --config-file .checkov.yaml --file template.yaml $(wildcard infrastructure/*.yaml)
	$(UV) tool run check-jsonschema==0.39.0 --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(UV) tool run zizmor==1.32.0 --offline --quiet --min-severity medium .github/workflows

picture: .venv/.ready $(TOOLS)/ministack/.ready ## README's picture of the dashboard, made anew
	PICTURE=docs/dashboard.png $(PY) -m pytest -q tests/browser/test_picture.py

audit: .venv/.ready ## known vulnerabilities of the dependencies
	$(UV) export --quiet --frozen --no-emit-project --output-file $(TOOLS)/audited.txt
	$(UV) tool run pip-audit==2.10.1 --requirement $(TOOLS)/audited.txt --disable-pip

certificates: .venv/.ready ## the roots that functions trust Postgres by, made anew
	$(PY) infrastructure/certificates.py

fmt: .venv/.ready ## format and fix what can be fixed
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

pins: $(UV) ## what the layer carries, from uv.lock
	$(UV) export --quiet --frozen --no-default-groups --no-emit-project --no-annotate --output-file layers/order_engine/requirements.txt \
		--prune boto3 --prune snapshot-restore-py --prune httpx --prune rich --prune typer --prune websockets

build: $(TOOLS)/sam/.ready $(TOOLS)/lambda/.ready ## sam build (ARCHITECTURE=arm64)
	PATH="$(CURDIR)/$(TOOLS)/lambda/bin:$$PATH" $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)

clean: ## remove everything that make made, the local data too
	rm -rf .venv $(TOOLS) .local .aws-sam .pytest_cache .mypy_cache .ruff_cache

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python >= 3.11 is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up (once) ..."
	@$(PYTHON) -m venv $(TOOLS)/uv
	@$(TOOLS)/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

.venv/.ready: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --python $(PYTHON)
	@touch $@

# What the Lambda runtime itself brings, and pip to build with. uv downloads a python3.13 where there is none.
$(TOOLS)/lambda/.ready: local/requirements-lambda.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(or $(PYTHON313),3.13) $(TOOLS)/lambda
	@$(UV) pip install --quiet --compile-bytecode --python $(TOOLS)/lambda/bin/python --requirement $<
	@touch $@

# What the layer brings, for the benchmarks of single functions under that Python.
$(TOOLS)/layer/.ready: layers/order_engine/requirements.txt $(TOOLS)/lambda/.ready | $(UV)
	@rm -rf $(TOOLS)/layer
	@$(UV) pip install --quiet --compile-bytecode --target $(TOOLS)/layer --python $(TOOLS)/lambda/bin/python --requirement $<
	@touch $@

# The emulator, the SAM CLI and checkov pin older libraries than the engine's: an environment of its own for each.
$(TOOLS)/%/.ready: local/requirements-%.txt | $(UV)
	@$(UV) venv --quiet --clear --python $(PYTHON) $(TOOLS)/$*
	@$(UV) pip install --quiet --python $(TOOLS)/$*/bin/python --requirement $<
	@touch $@
