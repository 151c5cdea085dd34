# make app: install and open the dashboard.   make test: install what the tests need and run them all.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name)),$(name))))
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-header

.PHONY: app test check bench lock

app: .venv/app.stamp
	$(BIN)/python -m streamlit run app.py

test: .venv/test.stamp
	$(BIN)/python -m pytest

check: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: .venv/test.stamp
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.pitch

.venv/app.stamp: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.txt
	touch $@

.venv/test.stamp: .venv/app.stamp requirements-test.txt
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-test.txt
	touch $@

lock: .venv/app.stamp
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-test.in --output-file requirements-test.txt
	for name in requirements requirements-test; do \
		sed -i "1i # Compiled from $$name.in by make lock; sha256 of the input: $$(sha256sum $$name.in | cut -d' ' -f1)" $$name.txt; done
