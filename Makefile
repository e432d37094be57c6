# Bare `make` prints what there is. Needs Python 3.11 or newer with venv, make and git; everything else is installed
# into .venv and var/.

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv/bin/python
GATE := $(VENV) .ci/gate.py

.DEFAULT_GOAL := help
.PHONY: help run test lint test-agents test-formats test-unit test-browser test-faults test-blindness bench chaos proofs simulations lock clean
.PHONY: python runtime tools

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS="$$(printf '\t')" read -r target words; do printf '  make %-16s %s\n' "$$target" "$$words"; done

run: runtime ## serve Marlin with its demo at http://localhost:8000 until Ctrl-C (PORT=… for another port)
	@exec $(VENV) -m marlin.local run

test: tools ## everything CI runs: checks, all tests, coverage
	@exec $(GATE)

lint: tools ## the checks alone: style, types, imports, migrations, templates, production settings
	@exec $(GATE) lint

test-unit: tools ## tests of one process and one database
	@exec $(GATE) unit

test-browser: tools ## journeys of a person in Chromium
	@exec $(GATE) browser

test-faults: tools ## killed workers, a broker that is away
	@exec $(GATE) faults

test-blindness: tools ## nothing that a rater can fetch tells who wrote what
	@exec $(GATE) blindness

test-agents: tools ## real agents below AGENTS=/folder, from worker to gateway, with a scripted provider; not part of `test`
	@exec $(VENV) -m tests.real $(AGENTS)

test-formats: python ## TRL itself reads what exports write for it; installs gigabytes into var/formats, not part of `test`
	@test -x var/formats/bin/python || $(PYTHON) -m venv var/formats
	@var/formats/bin/python -m pip install --quiet --upgrade pip && var/formats/bin/python -m pip install --quiet --group formats
	@var/formats/bin/python -m tests.formats.trl_reads

bench: tools ## measurements; they judge nothing
	@exec $(GATE) benchmarks

chaos: tools ## the fault tests and races in their long form
	@MARLIN_LONG=1 exec $(GATE) faults unit

proofs: tools ## the blindness tests in their long form
	@MARLIN_LONG=1 exec $(GATE) blindness

simulations: tools ## how often intervals hold the truth, over thousands of made worlds (minutes)
	@MARLIN_LONG=1 exec $(VENV) -m marlin.local with-servers --fast --data var/test/simulations -- \
		$(VENV) -m pytest -s tests/grading/analysis/test_coverage.py

lock: tools ## write requirements.lock and .ci/test.lock anew from pyproject.toml
	@# The files name packages and hashes, and never a place where somebody once fetched them.
	@$(VENV) -m uv pip compile $(LOCKING) --output-file requirements.lock pyproject.toml
	@$(VENV) -m uv pip compile $(LOCKING) --group test --constraint requirements.lock --output-file .ci/test.lock
	@! grep -nE '://|--(extra-)?index|--find-links' requirements.lock .ci/test.lock

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

clean: ## remove what the tests and tools left; keeps .venv and the data of `make run`
	@# As root the tests' servers may keep their files outside; var/test/*/area leads there.
	find var/test -name area -type l -exec sh -c 'rm -rf "$$(readlink "$$1")"' sh {} \; 2>/dev/null || true
	rm -rf var/test var/static .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Marlin needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
		exit 1; fi

runtime: python
	@$(PYTHON) .ci/venv.py runtime

tools: python
	@$(PYTHON) .ci/venv.py test
