# Every target sets itself up in .venv; what it needs is Python >= 3.11, git and make.

.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first of these that is new enough makes the environment; `make PYTHON=/path/to/python3 install` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKER := .make/locker
PIP := $(BIN)/python -m pip --disable-pip-version-check
# More of them than cores: many tests wait for processes and deadlines.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) * 2 )))

.PHONY: help install demo test thorough faults fuzz nightly mutated faults-mutated acceptance contract-kubernetes pictures coverage check bill format bench lock clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP)  ## the command `reconciler` in .venv/bin, in locked versions, with the tools of development: 1.2 GB

$(STAMP): requirements/dev.txt pyproject.toml LICENSE
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found; install one or name it: make PYTHON=... $(MAKECMDGOALS)" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is missing; install it first" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## watch three problems being healed on this machine; ARGS=--fast in less than a minute, ARGS=--stay goes on
	@$(BIN)/reconciler demo $(ARGS)

test: $(STAMP)  ## the tests that need nothing but this, in some minutes
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not thorough" $(ARGS)

thorough: $(STAMP)  ## the tests that need nothing but this and take long: crashes, long histories, the demo
	@$(BIN)/python -m pytest -n $(WORKERS) -m thorough --ignore tests/faults $(ARGS)

# A file's tests share their servers, so they stay together.
acceptance: $(STAMP)  ## the tests against real servers, which it installs on Debian as root and else names
	@tests/acceptance/install.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests/acceptance $(ARGS)

contract-kubernetes: $(STAMP)  ## the contract of clusters against the one that KUBECONFIG names; leaves nothing there
	@$(BIN)/python -m tests.embedded.against $(ARGS)

faults: $(STAMP)  ## the table of faults: each row through the whole loop, with what must hold in all of them
	@$(BIN)/python -m pytest -n $(WORKERS) tests/faults $(ARGS)

fuzz: $(STAMP)  ## what others write, made up and led by coverage, against what reads it; some minutes
	@$(BIN)/python -m tests.fuzz $(ARGS)

nightly: $(STAMP)  ## ten thousand simulated histories with faults at every I/O, and all crash points; an hour and more
	@$(BIN)/python -m tests.faults.every_point $(WORKERS)
	@$(BIN)/python -m tests.simulation --seeds 0..9999 --jobs $(WORKERS) $(ARGS)

mutated: $(STAMP)  ## make small mistakes in what decides, one at a time, and see a test notice each; takes an hour
	@$(BIN)/python -m tests.mutation $(ARGS)

faults-mutated: $(STAMP)  ## take each guard away in a copy, and see its row fail; takes long
	@$(BIN)/python -m tests.faults.mutations $(ARGS)

pictures: $(STAMP)  ## the pictures of the documentation, anew, from the bridge of a running demo
	@tests/acceptance/install.sh
	@RECONCILER_PICTURES=docs/pictures $(BIN)/python -m pytest tests/acceptance/bridge/test_watching.py $(ARGS)

coverage: $(STAMP)  ## all tests, and which lines none of them has run; takes twice as long
	@$(BIN)/python -m pytest -n $(WORKERS) --cov $(ARGS)

check: $(STAMP)  ## lint, formatting, types, import contract, licences and advisories of what is locked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PIP) check
	$(BIN)/python requirements/bill.py
	$(BIN)/python requirements/audit.py $(AUDIT_ARGS)

bill: $(STAMP)  ## the software bill of materials of the image, as CycloneDX in dist/
	@$(BIN)/python requirements/bill.py dist/reconciler.cdx.json

format: $(STAMP)  ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure, and print beside the floor
	@$(BIN)/python -m benchmarks $(ARGS)

# Resolved on the oldest Python that is supported, whose set of packages serves the newer ones too.
# No index or host ends up in the files: where packages come from is each machine's own setting.
COMPILE = $(LOCKER)/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --annotation-style line $(ARGS)

lock:  ## resolve again what pyproject.toml asks for; `make lock ARGS=--upgrade` takes the newest
	test -x $(LOCKER)/bin/pip-compile || { "$(PYTHON)" -m venv $(LOCKER) && $(LOCKER)/bin/pip install --quiet pip-tools==7.6.2; }
	for name in run build dev; do "$(PYTHON)" requirements/inputs.py $$name > $(LOCKER)/$$name.in || exit 1; done
	$(COMPILE) --output-file requirements/run.txt $(LOCKER)/run.in
	$(COMPILE) --constraint requirements/run.txt --output-file requirements/build.txt $(LOCKER)/build.in
	$(COMPILE) --constraint requirements/run.txt --constraint requirements/build.txt --output-file requirements/dev.txt \
		$(LOCKER)/dev.in

clean:  ## remove what was made, the environment too
	rm -rf $(VENV) .make dist build htmlcov .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
