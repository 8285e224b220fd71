#!/usr/bin/env bash
# End to end, the short way: three nodes in P2P mode in a line (1 <- 2 <- 3), calls over one link and over two.
. "$(dirname "$0")/lib/checks.sh"
. "$EXAMPLES/lib/p2p-demo.sh"

start_line_of 3
check_line
check_totals 8 3 17
finish 21
