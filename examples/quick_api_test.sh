#!/usr/bin/env bash
# The shortest look at the HTTP interface of one node in P2P mode: texts, state, echo, a sum.
. "$(dirname "$0")/lib/checks.sh"

cat >"$TMP/quick.rl" <<'PROGRAM'
server quick {
    state { count: number = 0 }
    receive fn hello() { "Hello, World!" }
    receive fn get() { state.count }
    receive fn increment() { state.set("count", state.count + 1) }
    receive fn echo(value) { value }
    receive fn add(a: number, b: number) { a + b }
}
PROGRAM
PORT=$(free_ports 1)
start quick "$PORT" "$TMP/quick.rl" -server -node-type p2p -node-id quick1
ready "$PORT" quick
check 'text' '"Hello, World!"' "$(result "$PORT" quick.hello)"
check 'first state' 0 "$(result "$PORT" quick.get)"
check 'changed state' 1 "$(result "$PORT" quick.increment)"
check 'the next call sees it' 1 "$(result "$PORT" quick.get)"
check 'echo' '{"a":[1,null]}' "$(result "$PORT" quick.echo '[{"a":[1,null]}]')"
check 'sum' 8 "$(result "$PORT" quick.add '[5,3]')"
finish 6
