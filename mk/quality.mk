# lint, format, sanitizers, other versions. What must be compiled differently is compiled in a copy of the tree below
# .dev, so the objects of the ordinary build stay as they are.
ifeq ($(PGXS),)
$(error $(PG_CONFIG) was not found: run `make setup`, or name another with PG_CONFIG=...)
endif

.PHONY: lint format tidy ubsan levels check-versions stats

CPP_FILES = $(shell find src include test bench demo -name '*.[cht]pp' 2>/dev/null)
COPY_TREE = rm -rf $(1) && mkdir -p $(1) && tar --exclude=./.git --exclude=./.dev --exclude=./build --exclude='*.o' --exclude='*.d' \
	--exclude='*.so' -cf - . | tar -C $(1) -xf -

##@ Quality
lint: all private-server check-arch ## layers, SQL objects, instruction sets, clang-format, shellcheck, codespell
	@scripts/lint.sh
	@PG_CONFIG='$(PG_CONFIG)' RUVECTOR_SERVER='$(DEV_ROOT)' scripts/check_sql_objects.sh $(MODULE_big).so

format: ## clang-format the whole tree
	clang-format -i $(CPP_FILES)

tidy: ## clang-tidy
	clang-tidy --quiet $(filter-out src/simd/kernels_%,$(SRCS)) -- -x c++ -std=c++17 -Wno-register $(PG_CPPFLAGS) $(CPPFLAGS)

ubsan: ## regress with the undefined-behaviour sanitizer and PostgreSQL's assertions in the extension; all or T=name
	$(call COPY_TREE,.dev/ubsan)
	$(MAKE) --no-print-directory -C .dev/ubsan PG_CONFIG='$(PG_CONFIG)' T='$(T)' \
		SANITIZE='-fsanitize=undefined -fno-sanitize=alignment -fno-wrapv -DUSE_ASSERT_CHECKING' regress

levels: private-server ## regress once per SIMD level of this machine; all or T=name
	@PG_CONFIG='$(PG_CONFIG)' RUVECTOR_SERVER='$(DEV_ROOT)' scripts/check_levels.sh $(T)

check-versions: ## build and regress on every PostgreSQL that is found; see docs/testing.md
	@scripts/check_versions.sh

stats: ## the longest files
	@wc -l $(SRCS) $(shell find include src -name '*.hpp' -o -name '*.tpp') | sort -n | tail -25
