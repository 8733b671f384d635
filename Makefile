# RetinaDesk. `make` alone tells what there is. Needs GNU make 3.81 or newer and Python 3.11, 3.12 or 3.13.

PORT     ?= 8501
PYTHON   ?=
BROWSER  ?= yes
TESTS    ?=
# Test processes side by side: a core each, and four at most, since each may hold TensorFlow or a browser.
JOBS     ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores > 4 ? 4 : cores)))
UPGRADE  ?=

VENV     := .venv
RUN      := $(VENV)/bin/python
PIP      := $(RUN) -m pip --disable-pip-version-check
SOURCES  := app.py server.py pages dr_core tests benchmarks docs
SAY      := @printf '\n\033[1m== %s\033[0m\n'

# An environment whose Python has gone (moved, upgraded, copied from elsewhere) is made anew.
$(shell test ! -e $(VENV) || $(RUN) -c pass 2>/dev/null || rm -rf $(VENV))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test lint types layers unit chromium format lock samples screenshots clean distclean

help:  ## This list
	@echo "RetinaDesk: diabetic-retinopathy screening on your own computer."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=8502 make run            another port          PYTHON=/path/to/python3.12 make setup    another Python"
	@echo "  make test TESTS=tests/imaging one part              make test BROWSER=no                     without Chromium"
	@echo "  make test JOBS=0               one test after another"

setup: $(VENV)/.runtime  ## Make the environment in .venv from requirements.txt, and nothing else
	@echo "The environment in $(VENV) is ready."

run: setup  ## Start the app in the browser, at http://localhost:8501
	@ls models/*.json >/dev/null 2>&1 || { \
	  echo "No model in models/. Get a complete copy of the program, or train one:"; \
	  echo "  $(RUN) -m dr_core train --help"; exit 1; }
	@$(RUN) -c 'import socket; socket.create_server(("127.0.0.1", $(PORT))).close()' 2>/dev/null || { \
	  echo "Port $(PORT) is taken, perhaps by a RetinaDesk that runs already: look at http://localhost:$(PORT)"; \
	  echo "To start another one:  make run PORT=$$(( $(PORT) + 1 ))"; exit 1; }
	$(SAY) "RetinaDesk starts at http://localhost:$(PORT) and can be reached from this computer alone. Ctrl+C ends it."
	@RETINADESK_ROOTS="$${RETINADESK_ROOTS-$$HOME}" $(RUN) -m dr_core serve --port $(PORT)

test: lint types layers unit  ## Everything that CI runs: style, types, layers, unit and browser tests

lint: $(VENV)/.dev  ## Style only (ruff)
	$(SAY) "Style (ruff)"
	@$(RUN) -m ruff check $(wildcard $(SOURCES))
	@$(RUN) -m ruff format --check $(wildcard $(SOURCES))

types: $(VENV)/.dev
	$(SAY) "Types (mypy, strict)"
	@$(RUN) -m mypy

layers: $(VENV)/.dev
	$(SAY) "Layers (import-linter)"
	@$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo --cache-dir .import_linter_cache

unit: $(VENV)/.dev $(if $(filter no,$(BROWSER)),,chromium)
	$(SAY) "Tests (pytest, warnings are errors)$(if $(filter no,$(BROWSER)), without the browser suite,)"
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile $(if $(filter no,$(BROWSER)),-m "not browser",) $(TESTS)

chromium: $(VENV)/.dev
	$(SAY) "Chromium for the browser tests"
	@$(RUN) tests/browser/chromium.py || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Debian's chromium"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	      chromium fonts-dejavu-core >/dev/null; \
	    $(RUN) tests/browser/chromium.py; \
	  else \
	    echo "No Chromium was found, and installing it needs your say. Then run make test again:"; \
	    echo "  Debian        sudo apt-get install chromium"; \
	    echo "  Ubuntu        install Google Chrome from https://www.google.com/chrome/, or: sudo snap install chromium"; \
	    echo "  Fedora        sudo dnf install chromium"; \
	    echo "  macOS         brew install --cask google-chrome"; \
	    echo "  elsewhere     make test CHROMIUM=/path/to/chrome"; \
	    echo "Without the browser suite:  make test BROWSER=no"; exit 1; \
	  fi; }

format: $(VENV)/.dev  ## Rewrite the sources in the house's style
	$(SAY) "Format (ruff)"
	@$(RUN) -m ruff check --fix $(wildcard $(SOURCES))
	@$(RUN) -m ruff format $(wildcard $(SOURCES))

lock: $(VENV)/.dev  ## Resolve requirements/*.in into requirements*.txt (UPGRADE=--upgrade for newer releases)
	$(SAY) "Lock (uv)"
	@$(RUN) -c 'import uv' 2>/dev/null || $(PIP) install uv
	@for pair in runtime:requirements.txt cluster:requirements-cluster.txt dev:requirements-dev.txt; do \
	  $(RUN) -m uv pip compile --quiet --universal --python-version 3.11 $(UPGRADE) \
	    --custom-compile-command "make lock" "requirements/$${pair%%:*}.in" -o "$${pair#*:}" || exit 1; done
	@git diff --stat -- requirements.txt requirements-cluster.txt requirements-dev.txt 2>/dev/null || true

samples: setup  ## Draw the sample photographs in assets/
	@$(RUN) -m dr_core.imaging.drawing assets

screenshots: $(VENV)/.dev chromium  ## Take the README's pictures in docs/images from the running app
	@$(RUN) -m pytest -q tests/browser/screenshots.py

clean:  ## Remove what can be made again, but the environment
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
	@find app.py server.py pages dr_core tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean  ## The same, and the environment
	@rm -rf $(VENV)

# ---- The environment. A stamp holds the time of the last installation, so that a second run is quick.

$(VENV)/.created:
	$(SAY) "Environment in $(VENV)"
	@found=; for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11, 3.12 or 3.13 was found. Install one and run make again:"; \
	  echo "  Debian 12+, Ubuntu 24.04+   sudo apt-get install python3 python3-venv"; \
	  echo "  Fedora                      sudo dnf install python3.12"; \
	  echo "  macOS                       brew install python@3.12"; \
	  echo "  elsewhere                   https://www.python.org/downloads/, then: make PYTHON=/path/to/python3.12 setup"; \
	  exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  version=$$("$$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "Python $$version is here, but not its venv module. Install it and run make again:"; \
	  echo "  Debian, Ubuntu   sudo apt-get install python$$version-venv"; \
	  exit 1; \
	fi; \
	"$$found" --version; "$$found" -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.txt $(VENV)/.created
	$(SAY) "Installing what the app needs (once; some minutes, and about 3 GB on disk)"
	@$(PIP) install -r requirements.txt || { $(PIP_TROUBLE); }
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(SAY) "Installing what the tests need"
	@$(PIP) install -r requirements-dev.txt || { $(PIP_TROUBLE); }
	@touch $@

define PIP_TROUBLE
echo; echo "Installing failed; pip's reason stands above."; \
echo "  No network, or a proxy    check the connection (HTTPS_PROXY, PIP_INDEX_URL) and run make again: it goes on"; \
echo "  'from versions: none'     the same, or TensorFlow does not exist for this computer: it does for Linux (x86-64,"; \
echo "                            ARM64) and for macOS on Apple silicon"; \
echo "  No space left             about 3 GB are needed"; exit 1
endef
