#!/bin/sh
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec "$root/scripts/run" "$root/test/federation/full-federation.ts" "$@"
