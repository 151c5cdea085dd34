# make app     install, and open the dashboard
# make test    install what the tests need too, and run them all
# make quick   the tests that take a moment each; a minute or two
# make test-full   the tests with every repeat
# make check   the tests, style and types
# make test-processors   the numeric tests as other processors run them; takes a few minutes for each
# make bench   speed beside ddsp's own path
# make demo    make the demo's examples and instruments again
# make wasm    make the page Play's WebAssembly again, with Debian's wabt
# make lock    compile the requirements again; UPGRADE=--upgrade for the newest versions
# make help    this list
# WORKERS=...  how many processes run the tests; 2 to 4 unless told, 2 for make quick; each may take 3 GB
# PYTHON=...   which Python to install with: 3.11, 3.12 or 3.13

SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	if "$$name" -c '$(SUPPORTED)' 2>/dev/null; then echo "$$name"; break; fi; done)
BIN := .venv/bin
# What is quick waits for nothing, so that more processes than cores would only import everything once more.
quick: WORKERS ?= 2
WORKERS ?= $(shell "$(PYTHON)" tests/workers.py)
# Python may keep what it has compiled, also where the environment says no: rewriting all tests takes longer than many of them.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --no-header $(UPGRADE)

.PHONY: app test quick test-full test-processors check bench demo wasm lock help

app: .venv/ddsing.stamp
	$(BIN)/python -m streamlit run app.py

test: .venv/test.stamp
	$(PYTEST)

quick: .venv/test.stamp
	$(PYTEST) -m "not slow and not browser"

test-full: .venv/test.stamp
	$(PYTEST) --full

test-processors: .venv/test.stamp
	$(BIN)/python -m tests.processors

check: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

bench: .venv/test.stamp
	$(BIN)/python -m benchmarks.limits
	$(BIN)/python -m benchmarks.transfer
	$(BIN)/python -m benchmarks.pitch --whole
	$(BIN)/python -m benchmarks.pitch
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.step_parts
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.time_to_voice
	$(BIN)/python -m benchmarks.dataset
	$(BIN)/python -m benchmarks.voice
	$(BIN)/python -m benchmarks.first_page
	$(BIN)/python -m benchmarks.first_sound
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.command_line
	$(BIN)/python -m benchmarks.event_files
	$(BIN)/python -m benchmarks.playing
	$(BIN)/python -m benchmarks.vst_approximation

demo: .venv/ddsing.stamp
	$(BIN)/python -m demo.build

wasm:
	wat2wasm ddsing/ui/play/products.wat --output ddsing/ui/play/products.wasm

help:
	@sed -n 's/^# \(make\|PYTHON\|WORKERS\)/\1/p' $(firstword $(MAKEFILE_LIST))

# A changed lock gets a new environment, so that nothing of the old one is left in it.
.venv/app.stamp: requirements.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "ddsing needs Python 3.11, 3.12 or 3.13 with venv (Debian: apt install python3-venv); if it has another name, say make PYTHON=..." >&2; \
		exit 1; fi
	@echo "Installing into .venv with $(PYTHON): about 3.5 GB, some minutes."
	@"$(PYTHON)" -m venv --clear .venv
	@$(INSTALL) --no-deps -r requirements.txt
	@touch $@

# ddsing itself, where it is: the command .venv/bin/ddsing.
.venv/ddsing.stamp: .venv/app.stamp pyproject.toml setup.py ddsing/__init__.py
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/ddsing.stamp requirements-test.txt
	@$(INSTALL) --no-deps -r requirements-test.txt
	@touch $@

lock: .venv/test.stamp
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-test.in --output-file requirements-test.txt
	for name in requirements requirements-test; do \
		{ echo "# Compiled from $$name.in by make lock; sha256 of the input: $$(sha256sum $$name.in | cut -d' ' -f1)"; cat $$name.txt; } \
		> $$name.new && mv $$name.new $$name.txt; done
