# make demo | make test-fast | make test | make check | make bench   (each makes .venv if it is not there)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOWEST := .venv-lowest

# Some images forbid Python to keep what it compiled: then each of the tests' processes compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-fast lowest coverage check lint types imports structure trace format bench install clean

demo: $(STAMP) ## the main job end to end: no account, no network
	$(BIN)/flireo-flows demo $(if $(STAY),--stay)

test: $(STAMP) ## every test; they wait more than they work, so there are more workers than cores
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=25 $(ARGS)

test-fast: $(STAMP) ## what needs no server, socket, database or sleep
	$(BIN)/python -m pytest tests/unit -n 2 --dist worksteal $(ARGS)

lowest: $(STAMP) ## the quick tests with the lowest version of each range, in an environment of its own
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct -e '.[dev]'
	$(LOWEST)/bin/python -m pytest tests/unit -n 2 --dist worksteal -p no:cacheprovider $(ARGS)

coverage: $(STAMP) ## the share of lines and branches that unit and integration tests run, in processes they start too
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests/unit tests/integration -n 4 --dist loadfile $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

check: lint types imports structure ## lint, format, types, import rules, counts; `make -j2` does them side by side

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

structure: $(STAMP) ## packages, arrows between them, modules: each beside its limit
	$(BIN)/python -m scripts.structure

trace: $(STAMP) ## follow a CSV row to its POST: modules, hops, objects
	$(BIN)/python -m scripts.trace_call $(ARGS)

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## speed, as ratios against plain baselines in the same run
	$(BIN)/python -m benchmarks $(ARGS)

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "flireo-flows needs Python 3.11 to 3.13; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	if uv --version >/dev/null 2>&1; \
	then uv pip install --quiet --python $(BIN)/python -e '.[dev]' -c constraints.txt; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt; fi
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) build dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
