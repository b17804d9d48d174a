# Private server and tests. Nothing here touches the machine's own clusters: the server is copied to .dev/<major>, the
# extension is installed into the copy, and each run works in a scratch folder with a socket of its own.
PG_CONFIG ?= pg_config
PG_MAJOR = $(shell $(PG_CONFIG) --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
DEV_ROOT = $(CURDIR)/.dev/$(PG_MAJOR)
RUN_SUITE = PG_CONFIG='$(PG_CONFIG)' RUVECTOR_SERVER='$(DEV_ROOT)' scripts/run_suite.sh
T ?=

.PHONY: help private-server tempcheck regress accept pgtap tap psql clean-dev check setup soak churn

##@ Start here
setup: ## install by package name what building, testing and the demo need (Debian, root)
	@scripts/setup.sh

# PGXS has a target of this name that refuses; the top Makefile leaves PGXS out when `check` is the only goal.
ifndef PGXS
check: ## setup, build, unit, regress, pgtap, tap; the last line is the count
	@scripts/setup.sh
	@MAKE='$(MAKE)' scripts/check.sh unit regress pgtap tap
endif

##@ Tests
private-server: all ## copy of the server with the extension in it: .dev/<major>
	@scripts/private_server.sh '$(PG_CONFIG)' '$(DEV_ROOT)'
	@umask 022; $(MAKE) --no-print-directory -s install DESTDIR='$(DEV_ROOT)' >/dev/null

regress: private-server ## pg_regress over test/sql, all or T=name; output in .dev/out/regress
	@$(RUN_SUITE) regress $(T)

tempcheck: regress ## the same

accept: ## take the results of the last regress, all or T=name, as expected
	cp .dev/out/regress/results/$(or $(T),*).out expected/

pgtap: private-server ## pg_prove over test/pgtap, all or T=name
	@$(RUN_SUITE) pgtap $(T)

tap: private-server ## whole-server tests in test/tap, all or T=name
	@$(RUN_SUITE) tap $(T)

soak: private-server ## tap with many more crash cycles and longer concurrency
	@RUVECTOR_CRASH_CYCLES=20 RUVECTOR_SOAK=1 $(RUN_SUITE) tap $(T)

churn: private-server ## half of the rows deleted and inserted anew, five times, of every class: recall and size against a fresh build; 20,000 rows
	@RUVECTOR_SOAK=1 $(RUN_SUITE) tap 090_churn

psql: private-server ## a shell on a fresh private server
	@$(RUN_SUITE) psql

clean-dev: ## remove the private servers and their results
	rm -rf .dev

help: ## this list
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0,5)} /^[a-z][a-z-]*:.*## /{printf "  make %-16s %s\n", $$1, $$2}' mk/*.mk
