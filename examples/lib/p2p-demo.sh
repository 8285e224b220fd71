# Nodes in P2P mode that serve p2p_websocket_demo.rl, node1, node2 and so on. Source it after checks.sh.

DEMO=$EXAMPLES/p2p_websocket_demo.rl
# By number of the node.
PORT=(0)
NODE_PID=(0)

# demo PORT NODE METHOD [ARGS] [MORE]: a remote call to the demo of another node.
demo() {
  remote "$1" "$2" p2p_demo "${@:3}"
}

# start_demo NUMBER [PEER-NUMBER]: a node, dialling another one.
start_demo() {
  local peer=()
  [ -n "${2:-}" ] && peer=(-add-peer "http://127.0.0.1:${PORT[$2]}")
  start "node$1" "${PORT[$1]}" "$DEMO" -server -node-type p2p -node-id "node$1" ${peer[@]+"${peer[@]}"}
  NODE_PID[$1]=$STARTED
}

# start_line_of COUNT: 1 <- 2 <- 3 and so on, each dialling the one before it.
start_line_of() {
  local port number
  while read -r port; do PORT+=("$port"); done < <(free_ports "$1")
  for number in $(seq "$1"); do start_demo "$number" "$([ "$number" -gt 1 ] && echo $((number - 1)))"; done
  for number in $(seq "$1"); do ready "${PORT[number]}" "node$number"; done
}

# answers PORT NODE: the demo of this node can be called from there.
answers() {
  [ "$(demo "$1" "$2" echo '["here"]')" = '"here"' ]
}

# check_line: three nodes in a line; local calls, calls over one link and over two. Their totals are 8, 3 and 17 afterwards.
check_line() {
  local number amounts=(0 5 3 7)
  step 'local calls'
  for number in 1 2 3; do
    check_has "health of node$number" '"status":"healthy"' "$(get "${PORT[number]}" /health)"
    check "set_name on node$number" "\"node$number\"" "$(result "${PORT[number]}" p2p_demo.set_name "[\"node$number\"]")"
    check "add on node$number" "${amounts[number]}" "$(result "${PORT[number]}" p2p_demo.add "[${amounts[number]}]")"
  done

  step 'links'
  check_until 'node1 is linked to node2' 10 linked "${PORT[1]}" node2
  check_until 'node2 is linked to node3' 10 linked "${PORT[2]}" node3
  check_until 'node1 has a way to node3' 10 answers "${PORT[1]}" node3
  check_until 'node3 has a way to node1' 10 answers "${PORT[3]}" node1

  step 'calls over one link and over two'
  check 'name, 1 to 2' '"node2"' "$(demo "${PORT[1]}" node2 name)"
  check 'name, 2 to 3' '"node3"' "$(demo "${PORT[2]}" node3 name)"
  check 'name, 3 to 2' '"node2"' "$(demo "${PORT[3]}" node2 name)"
  check 'add, 1 to 3 through node2' 17 "$(demo "${PORT[1]}" node3 add '[10]')"
  check 'add, 3 to 1 through node2' 8 "$(demo "${PORT[3]}" node1 add '[3]')"
}

# check_totals TOTAL…: of node1, node2 and so on.
check_totals() {
  local number=0 total
  for total in "$@"; do
    number=$((number + 1))
    check "total of node$number" "$total" "$(result "${PORT[number]}" p2p_demo.total)"
  done
}
