# Two commands do everything: `make run` and `make test`. The others are steps of these, or for those who carry on.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PORT ?= 5000
.DEFAULT_GOAL := help

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.venv/.run: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

.PHONY: install
install: .venv/.run ## Only the environment that the helpline runs in

.PHONY: run
run: .venv/.run ## Set up all that is needed and start the helpline with a simulated carrier
	@$(BIN)/python serve.py

.PHONY: test
test: check browser kannel espeak ## All checks and tests: SQLite, PostgreSQL, browser
	$(BIN)/python -m pytest -n 6 --dist loadgroup --no-loadscope-reorder

.PHONY: check
check: .venv/.dev ## Formatting, types, imports
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: browser
browser: .venv/.dev ## A Chromium for the browser tests, from the system's packages where there is none
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || sh .ci/install-chromium

.PHONY: kannel
kannel: .venv/.dev ## A Kannel for the gateway's tests, from the system's packages where there is none
	@test -x /usr/lib/kannel/test/fakesmsc || sh .ci/install-kannel

.PHONY: espeak
espeak: ## espeak-ng for synthetic prompts and their tests, from the system's packages where there is none
	@command -v espeak-ng >/dev/null 2>&1 || sh .ci/install-espeak

.PHONY: prompts-audio
prompts-audio: .venv/.run espeak ## A synthetic set of recorded prompts to review, in var/prompts-audio
	$(BIN)/flask --app app prompts render

.PHONY: bench
bench: .venv/.dev ## Accuracy on the corpora, and speed as ratios to a bare application
	$(BIN)/python -m bench.corpus
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.scale
	$(BIN)/python -m bench.figures

.PHONY: demo
demo: .venv/.run ## Fill the store with a year of invented, plainly marked complaints
	$(BIN)/flask --app app upgrade
	$(BIN)/flask --app app demo

.PHONY: lock
lock: .venv/.dev ## Pin the requirements anew
	$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -o requirements.lock requirements.in
	$(BIN)/pip-compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -o requirements-dev.lock requirements-dev.in
