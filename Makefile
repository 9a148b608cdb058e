# The first commands of a new user are `make demo` and `make sandbox`. Needs Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help install demo sandbox test test-fast check format bench schema proto clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(0 if sys.version_info >= (3, 11) else f"Jinqiao needs Python 3.11 or newer, this is {v}; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "installing Jinqiao into $(VENV), about a minute"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what tests need into $(VENV), about a minute"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## make .venv and install Jinqiao into it
	@echo "Jinqiao is in $(VENV). To have the command jinqiao in this shell:  . $(BIN)/activate"

demo: $(VENV)/.installed ## 200 EVs around Jinqiao for a minute, on an embedded broker
	$(BIN)/jinqiao run scenarios/jinqiao-morning.yaml --for 60s $(DEMO)

sandbox: $(VENV)/.installed ## the same for two hours or until Ctrl-C; user app, password demo
	$(BIN)/jinqiao run scenarios/jinqiao-morning.yaml --app-password demo $(SANDBOX)

# Workers of pytest: one a core. A worker that has nothing left takes tests from another's end.
WORKERS ?= auto
XDIST := -n $(WORKERS) --dist worksteal

test: $(VENV)/.installed-dev ## every test
	$(BIN)/pytest $(XDIST) $(PYTEST)

test-fast: $(VENV)/.installed-dev ## the inner loop: no programs, no long simulations, fewer examples
	HYPOTHESIS_PROFILE=fast $(BIN)/pytest $(XDIST) -m "not program and not long" $(PYTEST)

check: $(VENV)/.installed-dev ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## put the code into the project's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev ## the figures of docs/benchmarks.md on this machine
	$(BIN)/jinqiao bench install-fastsim
	$(BIN)/jinqiao bench install-sumo
	-$(BIN)/jinqiao bench install-amqp-clients # rhea needs Node.js, qpid-proton a C compiler
	$(BIN)/jinqiao bench all

schema: $(VENV)/.installed ## write the scenario's JSON Schema anew
	$(BIN)/jinqiao schema > docs/schema/scenario-1.json

proto: $(VENV)/.installed-dev ## write the Python modules of the protobuf schemas anew
	$(BIN)/python tools/compile_proto.py

clean: ## remove everything that was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
