# Every verb of the project. `make` alone says what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# pip compiles what it installs, but not what it only points to; a start should not have to. Nor should each of the
# hundreds of processes that the tests start, so what is compiled is kept, even where the environment says otherwise.
COMPILE := $(BIN)/python -m compileall -q src
unexport PYTHONDONTWRITEBYTECODE
ALL_CORES := -n auto --dist worksteal

.PHONY: help demo test test-real pythons torture check format schemas manual wheels bench clean

help: ## what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) with the versions pinned in constraints.txt ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@$(COMPILE)
	@touch $@
	@echo "... ready."

demo: $(READY) ## the main job on practice platforms; ONCE=1 for a run that ends by itself
	@$(BIN)/appealbridge demo $(if $(ONCE),--once)

test: $(READY) ## all tests, on all cores; ARGS="tests/unit -x --pdb" for some, in one process
	@$(COMPILE)
	$(BIN)/python -m pytest $(or $(ARGS),$(ALL_CORES))

test-real: $(READY) ## publish on real servers: a Bluesky PDS, Postfix, ...; WITHOUT="bluesky" leaves one out
	@WITHOUT="$(WITHOUT)" $(BIN)/python -m pytest -m real -rs tests/real $(ARGS)

pythons: ## the quick tests on each further Python that this machine has, in an environment of its own
	@.ci/pythons

torture: $(READY) ## kill the daemon 200 times under load, count what was lost or posted twice; takes minutes
	@$(if $(ARGS),,$(BIN)/python -m pytest $(ALL_CORES) -m every_commit tests/stories)
	@$(if $(ARGS),,$(BIN)/python -m pytest $(ALL_CORES) --hypothesis-profile=torture --timeout=0 \
	    $(foreach of,approvals deliveries stops withdrawals,tests/properties/test_$(of).py))
	@$(BIN)/python -m tests.torture $(ARGS)

check: $(READY) ## format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

format: $(READY) ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(READY) ## write schemas/ anew, after a change of what recipes or settings may say
	@$(BIN)/appealbridge schema --output schemas

manual: $(READY) ## write the man page and the shells' completion anew, after a change of the command line
	@$(BIN)/python packaging/manual.py packaging/share

wheels: $(READY) ## what a server installs, with a hash for each: dist/wheels; EXTRAS=media,sandbox for one that trains
	@rm -rf dist/wheels
	@PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --wheel-dir dist/wheels '.[$(or $(EXTRAS),media)]'
	@$(BIN)/python packaging/pin.py dist/wheels

bench: $(READY) ## measure against a bare program: a table and build/bench.json; QUICK=1 in two minutes
	@$(COMPILE)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

clean: ## remove what the verbs above made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
