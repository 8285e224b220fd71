#!/usr/bin/env bash
# End to end: three nodes in P2P mode in a line (1 <- 2 <- 3). Calls over one link and over two, how long they take, many at once,
# wrong ones, and what happens while the node in the middle is away. State survives its end.
. "$(dirname "$0")/lib/checks.sh"
. "$EXAMPLES/lib/p2p-demo.sh"

start_line_of 3
check_line
check 'add, 2 to 1' 10 "$(demo "${PORT[2]}" node1 add '[2]')"

step 'registry of the node in the middle'
for number in 1 2 3; do
  check_has "node2 knows the demo of node$number" "\"node_id\":\"node$number\"" "$(get "${PORT[2]}" /registry/servers)"
done

step 'time of a call'
target() {
  echo "{\"node_id\":\"$1\",\"server_name\":\"p2p_demo\",\"method\":\"name\"}"
}
check_fast 'local call' 50 "${PORT[1]}" p2p_demo.name '[]'
check_fast 'call over one link' 200 "${PORT[1]}" remote_call "$(target node2)"
check_fast 'call over two links' 500 "${PORT[1]}" remote_call "$(target node3)"

step 'ten calls at once'
jobs=()
for number in 1 2 3 4 5 6 7 8 9 10; do
  demo "${PORT[1]}" node3 echo "[$number]" >"$TMP/echo$number" &
  jobs+=($!)
done
wait "${jobs[@]}"
for number in 1 2 3 4 5 6 7 8 9 10; do check "echo $number" "$number" "$(cat "$TMP/echo$number")"; done

step 'wrong calls'
wrong() { # PORT PARAMS
  failure "$1" remote_call "$2"
}
check 'unknown node' '-32603 node_not_found' "$(wrong "${PORT[1]}" '{"node_id":"node9","server_name":"p2p_demo","method":"name"}')"
check 'unknown server' '-32603 service_not_found' "$(wrong "${PORT[1]}" '{"node_id":"node3","server_name":"none","method":"name"}')"
check 'unknown method' '-32603 method_not_found' "$(wrong "${PORT[1]}" '{"node_id":"node3","server_name":"p2p_demo","method":"none"}')"
check 'no server_name' '-32602 invalid_params' "$(wrong "${PORT[1]}" '{"node_id":"node3","method":"name"}')"
check 'a text for a number' '-32603 invalid_params' \
  "$(wrong "${PORT[1]}" '{"node_id":"node3","server_name":"p2p_demo","method":"add","args":["x"]}')"

step 'the node in the middle dies and comes back'
kill_node "${NODE_PID[2]}"
alone() {
  [ "$(wrong "${PORT[1]}" '{"node_id":"node3","server_name":"p2p_demo","method":"name"}')" = '-32603 node_not_found' ]
}
check_until 'without node2 there is no way to node3' 5 alone
check 'node1 itself goes on' '"node1"' "$(result "${PORT[1]}" p2p_demo.name)"
start_demo 2 1
ready "${PORT[2]}" node2
check_until 'node1 calls node3 again' 35 answers "${PORT[1]}" node3
check 'through node2, which knows its name' '"node2"' "$(demo "${PORT[1]}" node2 name)"
check_totals 10 3 17
finish 47
