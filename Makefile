# `make try`, `make demo` and `make test` set themselves up in .venv on a fresh machine that has
# Python 3.10 to 3.13, make and a C++ compiler.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG := example_configs/speech2text/digits_jasper_mini.py
JOBS ?= 2
# Without a compiler, or a network for KenLM's sources, everything else works.
BUILD_BEAM_SEARCH = -$(BIN)/python -m ctc_decoder_with_lm.build

.PHONY: try demo web gpu horovod wheel test suite test-fast test-slow test-machines check lint types format docs notebooks site lock clean

# Installed again only when the dependencies change.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v < (3, 14) else f"Python 3.10 to 3.13 is needed, found {v[0]}.{v[1]}; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	# C++ kernels for this CPU; what cannot be built is said, and TensorFlow's are used.
	-$(BIN)/python -m open_seq2seq.ops.native
	$(BUILD_BEAM_SEARCH)
	touch $@

# With the packaged model: no training.
try: $(VENV)/installed
	$(BIN)/python scripts/try_model.py

demo: $(VENV)/installed
	$(BIN)/python scripts/demo.py

# A web page of the model that `make demo` learned, or of the packaged one; WEB=--port=9000 and so on.
web: $(VENV)/installed
	$(BIN)/python scripts/web_demo.py $(WEB)

# TensorFlow with CUDA in the place of tensorflow-cpu (3 GB); docs/gpu.md. What the two share goes with
# tensorflow-cpu, hence the last line.
gpu: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[gpu]'
	$(BIN)/python -m pip uninstall --quiet --yes tensorflow-cpu
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall 'tensorflow~=2.21.0'

# For other machines, in dist/: docs/install.md. WHEEL="--python python3.10 --python python3.13" and so on.
wheel: $(VENV)/installed
	scripts/make_wheel.sh $(WHEEL)

# For training with several processes or machines; takes minutes the first time.
horovod: $(VENV)/installed
	scripts/install_horovod.sh --python $(BIN)/python

# The fast suite: under 10 minutes on 2 cores. mypy, which uses one of them, runs beside it.
test: lint
	$(BUILD_BEAM_SEARCH)
	$(MAKE) --no-print-directory --jobs=2 types suite

suite: $(VENV)/installed
	$(BIN)/python -m pytest -n $(JOBS)

# Something of every room, under a minute on 2 cores: tests/fast.txt.
test-fast: $(VENV)/installed
	$(BUILD_BEAM_SEARCH)
	$(BIN)/python -m pytest -q -n $(JOBS) @tests/fast.txt

test-slow: $(VENV)/installed
	$(BUILD_BEAM_SEARCH)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[jax,dask,ray]"
	$(BIN)/python -m pytest -m slow

# The tests of arithmetic as other machines compute: an hour; docs/testing.md.
test-machines: $(VENV)/installed
	scripts/test_machines.sh --python $(BIN)/python

check: lint types

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/installed
	$(BIN)/python scripts/make_config_reference.py
	$(BIN)/python scripts/make_openseq2seq_page.py

# Runs docs/notebooks/*.py, and keeps their outputs beside them as .ipynb.
notebooks: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[notebooks]"
	$(BIN)/jupytext --to ipynb --set-kernel python3 --run-path . --execute docs/notebooks/*.py

# The docs with search and API reference, in build/site/; what does not fit together is an error.
site: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Exact versions of everything but the benchmarks' contestants, for all supported Pythons in one file.
lock: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.10 --extra test --extra jax --extra dask --extra ray \
	  --extra docs --extra horovod-build --no-header \
	  --no-emit-index-url --no-annotate pyproject.toml -o constraints.txt --upgrade

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
