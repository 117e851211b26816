# Every target is one line that also works without make; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = pip install -q --disable-pip-version-check -c constraints.txt
export PYTHONDONTWRITEBYTECODE ?=
# Tests start many servers: compiled modules are kept, outside the tree, whatever the shell's own setting is.
PYTEST = PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(abspath $(VENV))/pycache $(BIN)/pytest -q
PARALLEL = -n logical --dist worksteal

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) && $(BIN)/$(INSTALL) -e . && touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) && $(BIN)/$(INSTALL) -e '.[dev]' && touch $@

$(VENV)/parts.stamp: tests/package.json tests/install-parts.sh $(VENV)/dev.stamp
	sh tests/install-parts.sh && touch $@

run: $(VENV)/run.stamp ## a running server in developer mode on http://127.0.0.1:8010
	@exec $(BIN)/tidings serve --dev

demo: $(VENV)/run.stamp ## the main job in one minute, each step printed
	@$(BIN)/$(INSTALL) -e '.[demo]' && exec $(BIN)/tidings demo

check: $(VENV)/dev.stamp ## lint, strict types, import rules
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

quick: $(VENV)/dev.stamp ## unit and house tests, in half a minute
	$(PYTEST) $(PARALLEL) --hypothesis-profile quick -m 'not slow and not thorough' tests/unit tests/house

test: check $(VENV)/parts.stamp ## everything: lint, types, import rules and all tests
	$(PYTEST) $(PARALLEL) --cov --cov-report= tests && $(BIN)/python -m tests.floors

chaos: $(VENV)/parts.stamp ## the tests with kills, races and hostile input in their long form, for half an hour
	TIDINGS_TEST_KILLS=200 TIDINGS_TEST_RACES=100 TIDINGS_TEST_MUTATIONS=10000 $(PYTEST) $(PARALLEL) --timeout 3600 tests/chaos
	$(PYTEST) --timeout 3600 -m slow tests

docs: $(VENV)/dev.stamp ## what the documents say: links, commands, settings, spelling, and the examples run
	$(PYTEST) tests/house/test_documents.py

mutants: $(VENV)/dev.stamp ## faults put into the code on purpose, which the tests must notice
	$(BIN)/python -m tests.mutants

bench: $(VENV)/dev.stamp ## measure beside moto and ministack in one run
	$(BIN)/python -m bench.compare

$(VENV)/tools.stamp: constraints.txt
	$(PYTHON) -m venv $(VENV)-tools && $(VENV)-tools/bin/pip install -q --disable-pip-version-check cyclonedx-bom pip-audit && mkdir -p $(VENV) && touch $@

constraints: ## take the newest versions of everything, and write them down in constraints.txt
	rm -rf $(VENV)-new && $(PYTHON) -m venv $(VENV)-new && $(VENV)-new/bin/pip install -q --disable-pip-version-check -e '.[dev]'
	(echo '# Exact versions of everything that make and CI install, by name only. Made by: make constraints'; $(VENV)-new/bin/pip freeze --exclude-editable | grep == | sort -f) > constraints.txt
	rm -rf $(VENV)-new

sbom: $(VENV)/tools.stamp ## a bill of materials of what a server consists of: dist/tidings.cdx.json
	rm -rf $(VENV)-server && $(PYTHON) -m venv $(VENV)-server && $(VENV)-server/bin/$(INSTALL) . && mkdir -p dist
	$(VENV)-tools/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o dist/tidings.cdx.json $(VENV)-server/bin/python
	rm -rf $(VENV)-server

audit: $(VENV)/tools.stamp ## known vulnerabilities of the versions in constraints.txt; asks PyPI
	$(VENV)-tools/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

.PHONY: help run demo check quick test chaos docs mutants bench constraints sbom audit
