# One meaning each: `make demo`, `make test`, `make lint`, `make bench`, `make prove`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# What the tests start again and again is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint bench prove lock clean

demo: $(STAMP)  ## a simulated cell, the daemon, one order from a command to a finished part
	$(BIN)/python -m cellctl_sim.demo

# Half as many workers again as there are cores: some tests wait for what takes its time outside.
WORKERS := $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))

test: $(STAMP) mosquitto  ## everything that gates a change
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(STAMP)  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP)  ## figures side by side with peers; bench-serial: one area
	$(BIN)/python -m benchmarks serial
	$(BIN)/python -m benchmarks opcua --json benchmarks/results/opcua.json
	$(MAKE) bench-orders

bench-orders: $(STAMP)  ## orders on time under twelve disturbances, dispatch, restarts
	$(BIN)/python -m benchmarks.orders_disturbances
	$(BIN)/python -m benchmarks orders --json benchmarks/results/orders.json

bench-%: $(STAMP)
	$(BIN)/python -m benchmarks $*

prove: $(STAMP) mosquitto  ## the long batteries that the README's claims rest on; prove-cell: one area
	$(BIN)/python -m tests.prove

prove-%: $(STAMP) mosquitto
	$(BIN)/python -m tests.prove $*

# Hashes for everything, addresses for nothing: the file works with any index.
lock:
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --strip-extras --allow-unsafe --extra demo --extra dev --output-file requirements.lock pyproject.toml

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The tests talk to a real broker. As root on Debian it is installed; elsewhere one line says what is missing.
.PHONY: mosquitto
mosquitto:
	@command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || { \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto >/dev/null; \
	    else echo "the tests need the mosquitto broker: sudo apt-get install mosquitto" >&2; exit 1; fi; }

clean:
	rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
