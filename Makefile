# Belisha. Needs: python3.11 python3.11-venv make. No compiler, nothing installed outside .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SCENARIOS ?=
RESULTS ?= results/$(shell git rev-parse --short HEAD 2>/dev/null || echo unversioned)

# Where Python is told to write no bytecode, every program a test starts would compile all of ours anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test quick lint types contracts evaluate bench latency storms hostile killings fuzz prove mutants coverage clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

run: $(VENV)/.for-run  ## a small city that lives: on a terminal to look at, else summed up (under 2 minutes)
	$(BIN)/belisha demo

test: $(VENV)/.for-test  ## every test (about seven minutes on two cores, compiled once before)
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

quick: $(VENV)/.for-test  ## the tests that take less than 20 seconds each
	$(BIN)/python -m pytest -m "not long" $(ARGS)

lint: $(VENV)/.for-test  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.for-test  ## static types
	$(BIN)/mypy

contracts: $(VENV)/.for-test  ## imports run one way
	$(BIN)/lint-imports

evaluate: $(VENV)/.for-run  ## the full table over SCENARIOS=dir, resumable, kept by commit under results/
	@test -n "$(SCENARIOS)" || { echo "make evaluate: name a directory of scenarios, e.g. make evaluate SCENARIOS=../scenarios"; exit 2; }
	$(BIN)/belisha evaluate --scenarios "$(SCENARIOS)" --results "$(RESULTS)" $(ARGS)

bench: $(VENV)/.for-test  ## budgets: planner, tick, allocations, an hour in SUMO; kept by commit under results/
	$(BIN)/python -m pytest bench --benchmark-enable --benchmark-quiet --results "$(RESULTS)" $(ARGS)

latency: $(VENV)/.for-test  ## whether orders or ticks take more than 1.5 times what docs/latency.json keeps (a minute)
	$(BIN)/python -m bench.living_latency --check $(ARGS)

storms: $(VENV)/.for-test  ## everything goes wrong, seed after seed, for MINUTES=10; a failure prints its seed and tick
	$(BIN)/python -m tests.storm --minutes $(or $(MINUTES),10) $(ARGS)

hostile: $(VENV)/.for-test  ## orders by anybody, lawful or not, COMMANDS=1000000; a failure prints its seed and tick
	$(BIN)/python -m tests.hostile --commands $(or $(COMMANDS),1000000) $(ARGS)

killings: $(VENV)/.for-test  ## kill -9 of any process of a station while orders come, KILLS=50 times
	$(BIN)/python -m tests.killings --kills $(or $(KILLS),50) $(ARGS)

fuzz: $(VENV)/.for-test  ## every reader of strangers' bytes, MINUTES=10 each (TARGET=all); keeps what reaches more
	$(BIN)/python -m bench.fuzz $(or $(TARGET),all) --minutes $(or $(MINUTES),10) $(ARGS)

prove: $(VENV)/.for-test  ## every junction of SCENARIOS=dir explored, all states; resumable (under 20 minutes)
	@test -n "$(SCENARIOS)" || { echo "make prove: name a directory of scenarios, e.g. make prove SCENARIOS=../scenarios"; exit 2; }
	$(BIN)/python -m bench.prove --scenarios "$(SCENARIOS)" --results "$(RESULTS)" $(ARGS)

mutants: $(VENV)/.for-test  ## 500 small wrongs in sequencer and monitor, who finds them; resumable (under 45 minutes)
	$(BIN)/python -m bench.mutants --results "$(RESULTS)" $(ARGS)

coverage: $(VENV)/.for-test  ## every branch of monitor, sequencer and ladder taken by a test
	$(BIN)/python -m bench.branch_coverage $(ARGS)

clean:  ## removes .venv and everything built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: installing again only when what is installed has changed.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python found: apt install python3.11 python3.11-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "could not make .venv: apt install python3.11-venv"; exit 2; }

$(VENV)/.for-run: $(BIN)/python pyproject.toml constraints.txt
	@echo 'installing into $(VENV), once; SUMO is large, this takes a minute or two ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sumo]'
	@echo 'compiling, once, a minute or two ...'
	@$(BIN)/python -m sim.first_start
	@touch $@

$(VENV)/.for-test: $(BIN)/python pyproject.toml constraints.txt
	@echo 'installing into $(VENV), with what the tests need, once ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sumo,test]'
	@echo 'compiling, once, a minute or two ...'
	@$(BIN)/python -m sim.first_start
	@$(BIN)/python -c 'import bench.proof_calls_kernels'
	@touch $(VENV)/.for-run $@
