# Works with GNU make 3.81, which macOS still ships.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
N ?= 10000
SEED ?= 1
SEEDS ?= 100000
OUTAGE ?= 0
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help venv demo campaign up test simulate days check lock chaos bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(INSTALLED)  ## create .venv with everything in it (PYTHON=... chooses the interpreter)

demo: $(INSTALLED)  ## the whole story in one go, nothing else needed
	@$(BIN)/python -m madan_sara.devstack demo

campaign: $(INSTALLED)  ## one campaign to N=10000 people, with all that can go wrong, checked
	@$(BIN)/python -m madan_sara.devstack campaign --recipients $(N) --seed $(SEED) --outage $(or $(OUTAGE),0)

up: $(INSTALLED)  ## start everything and keep it running until Ctrl-C
	@$(BIN)/python -m madan_sara.devstack up

test: $(INSTALLED)  ## all tests but the chaos ones
	@$(BIN)/python -m pytest -m "not chaos" tests

simulate: $(INSTALLED)  ## SEEDS=100000 lives of outreaches without a server or a clock (minutes)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS)

# A Saturday that is a leap day, at midnight; the night the clocks go back.
days: $(INSTALLED)  ## the unit tests on other days and in other zones
	@TZ=Pacific/Auckland $(BIN)/python -m pytest -q tests/unit --at 2048-02-29T23:58
	@TZ=Europe/Paris $(BIN)/python -m pytest -q tests/unit --at 2088-10-31T00:58

check: $(INSTALLED)  ## style, types and the borders between the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --python-version 3.11 pyproject.toml

# The second lock has the versions of the first, without what only development needs.
lock: $(INSTALLED)  ## resolve the dependencies anew, for development and for the image
	@$(LOCK) --all-extras -o requirements-dev.lock
	@$(LOCK) --constraint requirements-dev.lock -o requirements.lock

chaos: $(INSTALLED)  ## kill processes at random and look for damage (slow)
	@$(BIN)/python -m pytest -m chaos tests

bench: $(INSTALLED)  ## measure decisions, outreaches, import, status, pacing (a quarter of an hour)
	@$(BIN)/python -m benchmarks

clean:  ## forget everything the development stack has stored
	@rm -rf .devstack

# --no-build-isolation: the build tools come from the lock file too, with their hashes.
$(INSTALLED): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "error: $(PYTHON) not found; install Python 3.11 or newer, or choose one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1); choose another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot create virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV) (once; a minute or two)"; $(PYTHON) -m venv --clear $(VENV); }
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
