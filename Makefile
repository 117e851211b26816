# Every target is one line that also works without make; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export PYTHONDONTWRITEBYTECODE ?=

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q --disable-pip-version-check -e . && touch $@

$(VENV)/dev.stamp: pyproject.toml tests/package.json
	$(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q --disable-pip-version-check -e '.[dev]' && sh tests/install-parts.sh && touch $@

run: $(VENV)/run.stamp ## a running server in developer mode on http://127.0.0.1:8010
	@exec $(BIN)/tidings serve --dev

demo: $(VENV)/run.stamp ## the main job in one minute, each step printed
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[demo]' && exec $(BIN)/tidings demo

check: $(VENV)/dev.stamp ## lint, strict types, import rules
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

quick: $(VENV)/dev.stamp ## unit and house tests
	$(BIN)/pytest -q tests/unit tests/house

test: check ## everything: lint, types, import rules and all tests
	$(BIN)/pytest -q tests

bench: $(VENV)/dev.stamp ## measure beside moto and ministack in one run
	$(BIN)/python -m bench.compare

.PHONY: help run demo check quick test bench
