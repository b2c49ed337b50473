# Luotsi's commands. `make` alone lists them. What they need: Python 3.11 or newer, git, make.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
LOCALE := helpdesk/locale
KEYWORDS := gettext_lazy gettext_noop ngettext_lazy:1,2 pgettext_lazy:1c,2 npgettext_lazy:1c,2,3
BENCH ?= all
PYTEST_ARGS ?=
SECONDS ?= 60
SOAK_ARGS ?=
FUZZ_PYTHON ?= $(PY)
FUZZ_ARGS ?= -max_total_time=600

.DEFAULT_GOAL := help
CHECKS := check-format check-lint check-imports check-types check-widget check-migrations check-deploy check-house
.PHONY: help setup run test install-platforms test-platforms crash soak chaos check $(CHECKS) format bench lock messages fuzz screens

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The stamp is younger than the lock as long as the environment holds what the lock names.
$(STAMP): requirements.lock
	@for candidate in $(PYTHONS); do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Luotsi needs Python 3.11 or newer; this machine has $$(python3 --version 2>&1 || echo no python3)." >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$($$python --version) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$python --version); a minute or two ..." >&2; \
	$$python -m venv $(VENV)
	@$(PY) -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	@touch $@

setup: $(STAMP)  ## Make the environment in .venv/, and nothing else

run: $(STAMP)  ## Start the whole desk, with a demo in it if it is empty
	@$(PY) manage.py desk --demo

test: $(STAMP)  ## Run all tests; PYTEST_ARGS="-k reply" narrows them
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

crash: $(STAMP)  ## Kill the desk at every crash point, and count the mails afterwards
	@$(PY) -m pytest tests/servers/test_crash_points.py --every-crash-point

soak: $(STAMP)  ## Kill a working desk at random moments; SECONDS=600 SOAK_ARGS="--seed 1 --database postgresql://…"
	@$(PY) -m tests.servers.soak --seconds $(SECONDS) $(SOAK_ARGS)

chaos: $(STAMP)  ## Chats of 200 clients over a bad line, the desk killed meanwhile; CHAOS_ARGS="--messages 20000 --kills 4"
	@$(PY) -m tests.servers.chat_chaos $(CHAOS_ARGS)

# Programs that stand in for social platforms, each with what it needs, outside the desk's own environment. They are kept
# where PLATFORMS says; the desk's tests find them under .cache/platforms.
PLATFORMS ?= .cache/platforms

$(PLATFORMS)/python/.installed: tests/platforms/requirements.lock
	@echo "Making $(@D) ..." >&2
	@rm -rf $(@D) && mkdir -p $(PLATFORMS) && $(VENV)/bin/uv venv --quiet --python $(PY) $(@D)
	@$(VENV)/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
	@touch $@

# Of all install scripts only that of SQLite's binding runs: it compiles, unoptimised, which takes a third of the time, and
# against the headers beside node where there are any (Debian: build-essential, libnode-dev).
$(PLATFORMS)/node/.installed: tests/platforms/package-lock.json tests/platforms/package.json
	@for tool in npm c++; do command -v $$tool >/dev/null || { echo "Bluesky's servers need $$tool, which is not installed." >&2; exit 1; }; done
	@echo "Making $(@D) ..." >&2
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)/
	@cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@prefix=$$(dirname "$$(dirname "$$(readlink -f "$$(command -v node)")")"); \
	if [ -f "$$prefix/include/node/node.h" ]; then export npm_config_nodedir=$$prefix; fi; \
	cd $(@D) && npm_config_build_from_source=true CFLAGS=-O0 CXXFLAGS=-O0 JOBS=2 npm rebuild --loglevel=error better-sqlite3
	@touch $@

install-platforms: $(STAMP) $(PLATFORMS)/python/.installed $(PLATFORMS)/node/.installed

test-platforms: install-platforms  ## Run social connectors against real servers
	@LUOTSI_PLATFORMS=$(abspath $(PLATFORMS)) $(PY) -m pytest tests/platforms $(PYTEST_ARGS)

check: $(CHECKS)  ## All but the tests of behaviour; make -k check goes on after a complaint

check-format: $(STAMP)
	$(VENV)/bin/ruff format --check --quiet .

check-lint: $(STAMP)
	$(VENV)/bin/ruff check --quiet .

check-imports: $(STAMP)
	$(VENV)/bin/lint-imports

check-types: $(STAMP)
	$(VENV)/bin/mypy

# What the widget's JSDoc says of its types. TypeScript comes by npm, pinned; where it can't be had, CI alone minds.
TSC := npx --yes --prefer-offline --package typescript@5.9.3 tsc
check-widget:
	@if ! command -v npx >/dev/null; then missing="npx is not installed"; \
	elif ! $(TSC) --version >/dev/null 2>&1; then missing="npm can't fetch TypeScript"; fi; \
	if [ -z "$$missing" ]; then \
	    $(TSC) --noEmit --allowJs --checkJs --strict --target es2022 --lib es2023,dom,dom.iterable --module esnext --moduleResolution bundler static/widget/*.js; \
	elif [ -n "$$CI" ]; then echo "check-widget: $$missing" >&2; exit 1; \
	else echo "check-widget is skipped: $$missing"; fi

check-migrations: $(STAMP)
	$(PY) manage.py makemigrations --check --dry-run

check-deploy: $(STAMP)  # as on a public server: https behind a proxy, and a key of its own
	LUOTSI_SITE_URL=https://desk.example LUOTSI_BEHIND_PROXY=1 LUOTSI_SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(48))') \
	    $(PY) -W error manage.py check --deploy --fail-level WARNING

check-house: $(STAMP)
	$(PY) -m pytest -q tests/test_architecture.py tests/test_docs.py tests/test_translations.py

format: $(STAMP)  ## Format the code and sort the imports
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

bench: $(STAMP)  ## Measure; BENCH=mail|pages|search|push|rules|assignment|rehearsal|idle|chat|widget|all, DATABASE_URL chooses PostgreSQL
	@$(PY) -m benchmarks $(BENCH)

LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes
lock: $(STAMP)  ## Write the lock files anew, of the desk and of the platforms' servers
	@$(LOCK) requirements-dev.txt -o requirements.lock
	@$(LOCK) tests/platforms/requirements.txt -o tests/platforms/requirements.lock
	@cd tests/platforms && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved=false --no-audit --no-fund --loglevel=error

messages: $(STAMP)  ## Collect the texts for translation into helpdesk/locale, and compile what is translated
	@$(VENV)/bin/pybabel -q extract -F pyproject.toml $(KEYWORDS:%=-k %) --no-location --no-wrap --project=Luotsi --version=0 \
	    --copyright-holder="Luotsi contributors" -o $(VENV)/messages.pot .
	@for language in fi; do \
	    if [ -f $(LOCALE)/$$language/LC_MESSAGES/django.po ]; then verb=update; options="--no-fuzzy-matching --no-wrap --ignore-obsolete"; \
	    else verb=init; options="--no-wrap"; fi; \
	    $(VENV)/bin/pybabel -q $$verb $$options -D django -i $(VENV)/messages.pot -d $(LOCALE) -l $$language && \
	    $(VENV)/bin/pybabel -q compile --statistics -D django -d $(LOCALE) -l $$language; \
	done

fuzz:  ## Look for bytes that break the reader of mail; FUZZ_ARGS=-max_total_time=600, FUZZ_PYTHON has atheris
	@$(FUZZ_PYTHON) -m tests.fuzz.fuzz_parse $(FUZZ_ARGS)

screens: $(STAMP)  ## Photograph the demo for docs/screens (needs Chromium)
	@DJANGO_ALLOW_ASYNC_UNSAFE=1 $(PY) -m tests.browser.screens
