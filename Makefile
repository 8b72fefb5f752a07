# The two commands that a newcomer needs: `make demo` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
SAM := .venv-sam
UV := $(VENV)/bin/uv
export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/$(SAM)/bin:$(PATH)

SHIPPED := layers functions
OWN := conftest.py layers functions lab cli tests workloads bench docs fuzz

.DEFAULT_GOAL := help
.PHONY: help demo demo-canary test check format build lock pictures bench bench-judge sweep permissions fuzz clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/ready ## Run an experiment from end to end: stack, bank, traffic, fault, verdict
	@bin/steadystate lab run bank-instance-loss

demo-canary: $(VENV)/ready ## Run a canary whose new version fails, and watch it go back by itself
	@bin/steadystate lab run chat-canary-errors; test $$? -eq 1 # a FAIL is what it is to show

test: $(VENV)/ready ## Run all tests
	@$(VENV)/bin/python -m pytest -q -n 3

check: $(VENV)/ready $(SAM)/ready .venv-scan/ready ## Check format, lint, types, templates and policies
	@$(VENV)/bin/ruff format --check --quiet $(OWN)
	@$(VENV)/bin/ruff check --quiet $(OWN)
	@$(VENV)/bin/mypy --no-error-summary layers/steadystate/steadystate layers/reporting/reporting lab cli
	@for app in functions/*/app.py; do \
		MYPYPATH=layers/steadystate:layers/reporting $(VENV)/bin/mypy --no-error-summary $$app || exit 1; done
	@$(VENV)/bin/mypy --no-error-summary workloads/bank/bank workloads/chat/chat
	@sam validate --lint
	@for template in workloads/*/template.yaml; do \
		sam validate --lint --region ap-northeast-2 --template $$template || exit 1; done
	@PYTHONPATH=. $(VENV)/bin/python -m tests.scan
	@$(VENV)/bin/python -m pytest -q tests/definitions tests/architecture

format: $(VENV)/ready ## Put the code into its format
	@$(VENV)/bin/ruff format $(OWN)
	@$(VENV)/bin/ruff check --fix $(OWN)

build: $(SAM)/ready ## Build the stack for the Lambda runtime (python3.13 on arm64)
	@cp requirements/layer.txt layers/steadystate/requirements.txt
	@cp requirements/reporting.txt layers/reporting/requirements.txt
	@sam build

pictures: $(VENV)/ready ## Draw the state machines and the first page of a report again
	@$(VENV)/bin/python -m docs.pictures
	@PYTHONPATH=layers/steadystate:layers/reporting:. $(VENV)/bin/python -m docs.paper

bench: $(VENV)/ready ## Measure the project's figures and print them as tables
	@PYTHONPATH=layers/steadystate:layers/reporting:. $(VENV)/bin/python -m bench

bench-judge: .venv-bench/ready ## Compare the canary's judge with other rules (TRACES=500 for a quick look)
	@PYTHONPATH=layers/steadystate:. .venv-bench/bin/python -m bench.judge --traces $(or $(TRACES),20000)
	@PYTHONPATH=layers/steadystate:. .venv-bench/bin/python -m bench.judge.promotion --traces $(or $(TRACES),20000)

sweep: $(VENV)/ready ## Break every task of every machine in every way, and see what is left (ONLY=text, WRITE=file)
	@PYTHONPATH=layers/steadystate:. $(VENV)/bin/python -m tests.sweep \
		$(if $(ONLY),--only "$(ONLY)") $(if $(WRITE),--write $(WRITE))

permissions: $(VENV)/ready ## Run every machine, and compare what roles may do with what they did
	@PYTHONPATH=layers/steadystate:. $(VENV)/bin/python -m tests.permissions

fuzz: .venv-fuzz/ready ## Try documents and inputs by coverage-guided fuzzing (RUNS=100000)
	@PYTHONPATH=layers/steadystate:. .venv-fuzz/bin/python -m fuzz.documents \
		-atheris_runs=$(or $(RUNS),100000) -max_len=4096 -len_control=0 -timeout=10 -verbosity=0 -artifact_prefix=out/

lock: $(VENV)/ready ## Renew the locked requirements
	@for name in uv dev lab layer reporting bank chat sam bench fuzz scan; do \
		case $$name in dev|uv|sam|scan) with=;; *) with="--constraint requirements/dev.txt";; esac; \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			$$with requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done
	@cp requirements/layer.txt layers/steadystate/requirements.txt
	@cp requirements/reporting.txt layers/reporting/requirements.txt

clean: ## Remove what was built here, and the lab's state
	@rm -rf .aws-sam .lab out .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/ready: requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; say which: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/uv.txt 2>&1 | grep -v '^WARNING: Location' || true
	@$(UV) pip sync --quiet --python $(VENV)/bin/python --require-hashes \
		requirements/dev.txt requirements/uv.txt
	@touch $@

$(SAM)/ready: requirements/sam.txt $(VENV)/ready
	@echo "Setting up $(SAM) (once, a few seconds)"
	@$(PYTHON) -m venv --without-pip $(SAM)
	@$(UV) pip sync --quiet --python $(SAM)/bin/python --require-hashes requirements/sam.txt
	@touch $@

.venv-bench/ready: requirements/bench.txt $(VENV)/ready
	@$(PYTHON) -m venv --without-pip .venv-bench
	@$(UV) pip sync --quiet --python .venv-bench/bin/python --require-hashes requirements/bench.txt
	@touch $@

.venv-scan/ready: requirements/scan.txt $(VENV)/ready
	@echo "Setting up .venv-scan (once, a few seconds)"
	@$(PYTHON) -m venv --without-pip .venv-scan
	@$(UV) pip sync --quiet --python .venv-scan/bin/python --require-hashes requirements/scan.txt
	@touch $@

.venv-fuzz/ready: requirements/fuzz.txt $(VENV)/ready
	@$(PYTHON) -m venv --without-pip .venv-fuzz
	@$(UV) pip sync --quiet --python .venv-fuzz/bin/python --require-hashes requirements/fuzz.txt
	@mkdir -p out
	@touch $@
