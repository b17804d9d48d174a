# The extension "vector" for clients that run CREATE EXTENSION IF NOT EXISTS vector: an empty one that requires ruvector.
# Never over pgvector's files. See docs/migrating-from-pgvector.md.
ALIAS_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" alias/vector.control)
ALIAS_DIR = $(DESTDIR)$(datadir)/extension

.PHONY: install-vector-alias uninstall-vector-alias

##@ Installing
install-vector-alias: ## the extension "vector" as another name of ruvector, where pgvector is not installed
	@if [ -e '$(ALIAS_DIR)/vector.control' ] && ! grep -q "^requires = 'ruvector'" '$(ALIAS_DIR)/vector.control'; then \
		echo "$(ALIAS_DIR)/vector.control is pgvector's: remove pgvector (its package, or its files) first" >&2; exit 1; fi
	$(MKDIR_P) '$(ALIAS_DIR)'
	$(INSTALL_DATA) alias/vector.control alias/vector--$(ALIAS_VERSION).sql '$(ALIAS_DIR)/'

uninstall-vector-alias: ## remove it
	@if grep -q "^requires = 'ruvector'" '$(ALIAS_DIR)/vector.control' 2>/dev/null; then \
		rm -fv '$(ALIAS_DIR)/vector.control' '$(ALIAS_DIR)/vector--$(ALIAS_VERSION).sql'; fi
