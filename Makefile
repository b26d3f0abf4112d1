PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8050

.PHONY: help install demo serve test check lint bench pictures clean

help:  ## show what can be made
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hutong needs Python 3.11 or newer; give one with make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || sh .ci/system-packages.sh venv && $(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,dash-deck,postgresql,cot,oidc,camera,study]'
	@touch $@

install: $(VENV)/.installed  ## make .venv and install Hutong into it

demo: install  ## rehearse the built-in event with both layouts and open the twin on http://127.0.0.1:8050
	@sh .ci/system-packages.sh pictures
	@test -d runs/evening-A || $(BIN)/hutong rehearse scenarios/evening.yaml --layout A --replications 4 -o runs/evening-A
	@test -d runs/evening-B || $(BIN)/hutong rehearse scenarios/evening.yaml --layout B --replications 4 -o runs/evening-B
	$(BIN)/hutong compare runs/evening-A runs/evening-B
	$(BIN)/hutong serve --runs runs --port $(PORT)

serve: install  ## open the twin without rehearsing first
	$(BIN)/hutong serve --runs runs --port $(PORT)

test: $(VENV)/.installed-test  ## install what the tests need and run every check
	@sh .ci/system-packages.sh test
	$(BIN)/hutong camera models
	$(MAKE) --no-print-directory check

check: lint  ## run every check with what is installed
	$(BIN)/python -m pytest --benchmark-disable --durations=15 --numprocesses=2 --dist=loadfile -m "not browser"
	$(BIN)/python -m pytest --benchmark-disable --durations=15 --numprocesses=2 --dist=loadfile -m browser

lint:
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-test  ## time the crowd and its ground; figures are kept under artefacts/
	$(BIN)/python -m pytest tests/benchmarks --benchmark-autosave --benchmark-storage=artefacts/benchmarks --benchmark-json=artefacts/benchmarks.json

pictures: install  ## render the pictures of the README and the docs
	$(BIN)/python docs/pictures.py

clean:  ## remove what was built, not the runs
	rm -rf $(VENV) build dist viz/component/dist viz/component/node_modules artefacts
