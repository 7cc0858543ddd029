# Each target does all its own set-up: a fresh checkout needs Python 3.11 or newer, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
FAST := -m "not slow"
# It takes long to read the real client's package, and to import it.
READS_CLIENT := tests/contract/test_client_documents.py
# The three parts of the fast tests run at once, each in one process that imports its rooms and makes its databases once:
# the denials and what else all stores and both databases must do alike; of all else what is on PostgreSQL; and the rest.
ALL_ELSE := $(addprefix --ignore tests/,client sdk browser house contract)
ON_POSTGRES := postgres or test_writers_at_once
# What runs at once says what it has to say when it ends, where this make can do that.
AT_ONCE := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) --no-print-directory --jobs
# The tests start some hundred processes; each would compile this package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test fast fast-contract fast-postgres fast-rest client check types house format test-slow bench docs \
	postgres chromium clean
.DELETE_ON_ERROR:

## serve: the server on SQLite and a data folder, at http://127.0.0.1:8080
serve: $(BIN)/.server
	$(BIN)/registrum serve

## test: everything but the slow tests; installs PostgreSQL and Chromium where root and missing
test: check fast client

fast: $(BIN)/.dev postgres
	@$(MAKE) $(AT_ONCE) 3 fast-postgres fast-contract fast-rest

fast-postgres:
	$(BIN)/pytest $(FAST) $(ALL_ELSE) -k "$(ON_POSTGRES)"

fast-contract:
	$(BIN)/pytest $(FAST) tests/contract --ignore $(READS_CLIENT)

fast-rest:
	$(BIN)/pytest $(FAST) $(ALL_ELSE) -k "not ($(ON_POSTGRES))"

# They wait for processes of their own more than they compute: three at once keep two cores busy.
client: $(BIN)/.dev postgres chromium
	$(BIN)/pytest $(FAST) -n 3 --dist worksteal tests/client tests/sdk tests/browser $(READS_CLIENT)

## check: style, types, layers, and the tests that read the code and the documents
check: $(BIN)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@$(MAKE) $(AT_ONCE) 2 types house

types:
	$(BIN)/mypy

house:
	$(BIN)/pytest tests/house

format: $(BIN)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# A process that has driven a browser keeps an event loop, beside which other tests can't run theirs.
## test-slow: what `make test` runs, and the older clients, kills, large files and the browser matrix
test-slow: check postgres chromium
	$(BIN)/pytest -n 2 --dist worksteal --ignore tests/browser
	$(BIN)/pytest tests/browser

## bench: prints the table of performance budgets
bench: $(BIN)/.dev postgres
	$(BIN)/python -m benchmarks

## docs: writes the generated pages of docs/ anew
docs: $(BIN)/.dev
	$(BIN)/python -m docs.generate

postgres:
	@sh tests/install-postgres.sh

chromium:
	@sh tests/install-chromium.sh

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'

$(BIN)/.server: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[server]'
	@touch $@

$(BIN)/.dev: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[server,postgres,s3]' --group dev
	@touch $@ $(BIN)/.server
