# make demo · make test · make proof · make bench · make lint   (each sets up .venv by itself)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test proof bench lint clean

demo: $(READY)
	$(BIN)/autograder demo

test: $(READY)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

proof: $(READY)
	$(BIN)/python -m pytest -m proof -n logical --maxprocesses 4 --dist worksteal

bench: $(READY)
	$(BIN)/python -m benchmarks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed; set it with make PYTHON=python3.11') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info reports
