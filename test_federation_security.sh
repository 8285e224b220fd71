#!/bin/sh
# Attacks nodes of each role and reports what they answer; see --help.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec "$root/scripts/run" "$root/test/security/main.ts" "$@"
