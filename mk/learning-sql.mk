# Learning through SQL functions on a private server: bench/learning/sql.cpp. SEEDS=5, T=an algorithm or `latency`,
# LIMIT: seconds after which no run begins. Complete runs are kept in build/bench/learning-sql and not repeated: remove it to begin anew.
.PHONY: bench-learning-sql
build/bench/bin/learning_sql: bench/learning/sql.cpp bench/learning/environments.hpp src/learning/random.cpp
	@mkdir -p $(@D)
	$(or $(CXX),g++) -std=c++17 -O2 -Wall -Wextra -Iinclude -I$(shell $(PG_CONFIG) --includedir) -o $@ $< src/learning/random.cpp \
		-L$(shell $(PG_CONFIG) --libdir) -lpq -pthread

bench-learning-sql: private-server build/bench/bin/learning_sql ## learning curves of all nine algorithms through SQL: bench/learning/RESULTS.md
	@install -m 755 build/bench/bin/learning_sql .dev/learning_sql
	@mkdir -p build/bench/learning-sql && chmod 777 build/bench/learning-sql
	@echo '\! nice $(CURDIR)/.dev/learning_sql $(or $(SEEDS),5) "$(T)" $(CURDIR)/build/bench/learning-sql $(LIMIT)' | $(RUN_SUITE) psql
	@cat build/bench/learning-sql/*.json > build/bench/learning.jsonl
	@python3 bench/learning/report.py build/bench/learning.jsonl
