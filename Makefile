# The two commands of a fresh machine are `make demo` and `make test`; both set everything up in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check docs bench chaos audit clean setup

demo: $(STAMP)
	$(BIN)/dramaturg demo --out study-pack

# Three processes for two cores: a third of what the tests take is waiting.
test: $(STAMP)
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -rs

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv sync --quiet --frozen --all-extras --group docs --inexact --active
	$(BIN)/python -m docs.generator

bench: $(STAMP)
	$(BIN)/python -m bench

chaos: $(STAMP)
	$(BIN)/python -m tests.chaos

# Known holes in what is installed, and the bill of materials; the databases of holes are asked over the network.
audit: $(STAMP)
	mkdir -p dist
	$(BIN)/uv export --quiet --frozen --all-extras --no-dev --format cyclonedx1.5 -o dist/sbom.json
	$(BIN)/uv export --quiet --frozen --all-extras --no-dev --no-emit-project -o dist/requirements.txt
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement dist/requirements.txt

setup: $(STAMP)

# uv comes from the package registry like everything else; the lock file says which version of what.
$(STAMP): pyproject.toml uv.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv sync --quiet --frozen --all-extras --inexact --active --compile-bytecode
	touch $@

clean:
	rm -rf $(VENV) study-pack dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
