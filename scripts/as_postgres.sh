#!/bin/sh
# as_postgres.sh COMMAND... - runs the command as an ordinary user, because PostgreSQL refuses to run as root.
# Root becomes the user postgres (another one: RUVECTOR_TEST_USER); everybody else stays who they are.
set -eu
if [ "$(id -u)" -ne 0 ]; then
	exec "$@"
fi
exec runuser -u "${RUVECTOR_TEST_USER:-postgres}" -- "$@"
