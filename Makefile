# Each target is complete by itself on a fresh clone: it makes .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Where programs of the suite of promises run: sim, local, ray.
BACKENDS ?= sim,local

.PHONY: demo test campaigns lint types compiled conformance conformance-programs determinism judges bench power soak docs clean
.DEFAULT_GOAL := test

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scenarios/demo.sh

test: lint types compiled
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not campaign"

# The same with many more runs, which few changes need.
campaigns: $(READY)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m campaign

lint: $(READY)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run: $(BIN)/ruff format"; exit 1; }
	@$(BIN)/lint-imports --no-logo

types: $(READY)
	@$(BIN)/mypy

# Tests start hundreds of interpreters and of pytests. Where PYTHONDONTWRITEBYTECODE is set, each would compile the
# package anew, and pytest rewrite all of it and of Hypothesis: 1 s and 2 s each time. What lies there is always read.
compiled: $(READY)
	@$(BIN)/python -m compileall -q simactors real_backend
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q --collect-only -p no:cacheprovider > $(VENV)/collected || \
	  { cat $(VENV)/collected; exit 1; }

# Ray is an extra of 300 MB, and one session of pytest is one cluster: its tests take turns.
conformance: $(READY)
	@case ",$(BACKENDS)," in *,ray,*) \
	  $(BIN)/python -c 'import ray' 2> /dev/null || \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,ray]' || exit 1; \
	  $(BIN)/python -m simactors.conformance --backends ray -q -n 0 || exit 1;; \
	esac
	@others=$$(echo "$(BACKENDS)" | tr , '\n' | grep -vx ray | paste -s -d ,); test -z "$$others" || \
	  $(BIN)/python -m simactors.conformance --backends $$others -q -n auto --dist worksteal

# Generated programs: what comes out on a real backend, local or ray, must be reachable in the simulator.
PROGRAMS_ON ?= local
PROGRAMS ?= 2000
conformance-programs: $(READY)
	@$(BIN)/python -m simactors.conformance.programs --backend $(PROGRAMS_ON) --count $(PROGRAMS)

determinism: $(READY)
	@$(BIN)/python -m tests.determinism.sweep

judges: $(READY)
	@$(BIN)/python -m tests.unit.checkers.campaign --count 100000

bench: $(READY)
	@for name in starts sim_calls sim_intercept sim_scale real hunt_rate plans isolation calibration; do $(BIN)/python benchmarks/$$name.py || exit 1; done

power: $(READY)
	@$(BIN)/python benchmarks/power.py
	@$(BIN)/python benchmarks/false_alarms.py

soak: $(READY)
	@$(BIN)/python -m tests.soak --minutes 10

# The generator is an extra of its own: nothing else needs it.
docs: $(READY)
	@$(BIN)/python -c 'import material, mermaidx, mkdocs_click, mkdocstrings' 2> /dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open site/index.html"

clean:
	@rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "simactors needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@echo "installing into $(VENV) (once; about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
