# `make demo` and `make test` are all a new user needs: each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# one BLAS thread: two processes side by side beat two threads in each; results do not depend on it
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# some machines forbid bytecode: every test worker, function and fresh process then compiles all again,
# a third of the CPU of the unit tests
unexport PYTHONDONTWRITEBYTECODE
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION ?= 1

.PHONY: setup demo test unit check lint up down clean status faults-check faults-check-laptop previews-check launches-check bench bench-serving bench-detection pages openapi fuzz

setup: $(READY)

$(READY): requirements-bootstrap.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "recsysops needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@node --version >/dev/null 2>&1 || { echo "recsysops needs Node 20 or newer to synthesize the CDK app"; exit 2; }
	@echo "setting up $(VENV) (once)…"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt
	@$(BIN)/uv pip install -q --system-certs --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(BIN)/uv pip install -q --system-certs --python $(BIN)/python --no-build-isolation --no-deps -e .
	@touch $(READY)

demo: $(READY)  ## the whole loop on this machine: serve, break, find, explain, fix
	@$(BIN)/recsysops demo

up down status: $(READY)
	@$(BIN)/recsysops $@

clean: $(READY)  ## forget everything the laptop stage stored
	@$(BIN)/recsysops clean

test: $(READY)  ## every test but the 50-seed check of previews, which is `make previews-check`
	@$(BIN)/pytest -q -n 2 --dist loadgroup -m "not slow"

# the plugin of schemathesis is a second of imports in each process, and only `make fuzz` needs it
# where bytecode is never kept, pytest rewrites every assertion anew: 8 s of CPU in each process
unit: export PYTHONDONTWRITEBYTECODE =
unit: $(READY)  ## unit tests alone, seconds: properties with a quarter of their examples
	@$(BIN)/pytest -q -n 2 -p no:schemathesis --hypothesis-profile quick tests/unit

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## what CI runs

faults-check: $(READY)  ## every fault over seeds: found and named from the lake alone
	@$(BIN)/recsysops faults-check

faults-check-laptop: $(READY)  ## every fault once, as whole stories on the deployed laptop stage
	@$(BIN)/recsysops faults-check --stage laptop

previews-check: $(READY)  ## hotfix previews against the simulated truth
	@$(BIN)/recsysops previews-check

launches-check: $(READY)  ## launch forecasts against the simulated truth
	@$(BIN)/recsysops launches-check

gameday: $(READY)  ## every labelled fault in three sizes over ten seeds, and 300 quiet weeks
	@$(BIN)/recsysops gameday

gameday-quick: $(READY)  ## every labelled fault once, middle and large, and four quiet weeks
	@$(BIN)/recsysops gameday --quick

openapi: $(READY)  ## write functions/describe_api/openapi.json anew from routes, bodies and events
	@$(BIN)/pytest -q tests/integration/functions/test_openapi.py --snapshot-update

pages: $(READY)  ## AUDITS.md and ML_TEST_SCORE.md from the declarations
	@$(BIN)/recsysops audits --page > AUDITS.md
	@$(BIN)/recsysops ml-test-score > ML_TEST_SCORE.md

bench: bench-serving bench-detection  ## both benchmarks

bench-serving: $(READY)  ## speed of the scoring path against its limits; also --quick and --only
	@$(BIN)/python -m tests.benchmarks.serving $(BENCH)

bench-detection: $(READY)  ## speed and sharpness of the drift judge, next to Evidently; also --quick
	@$(BIN)/python -m tests.benchmarks.detection $(BENCH)

fuzz: $(READY)  ## 10,000 calls made from the OpenAPI document, against the real handlers
	@FUZZ_CASES=10000 $(BIN)/pytest -q -n 2 tests/integration/functions/test_fuzzed_api.py
