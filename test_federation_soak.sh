#!/bin/sh
# Memory, handles, timers and listeners of a federation under light load; see --help.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec "$root/scripts/run" "$root/test/soak/main.ts" "$@"
