#!/usr/bin/env bash
# End to end with four nodes in P2P mode, each with a program of its own: a line A <- B <- C <- D in which everyone calls everyone,
# then a ring, in which calls find the other way round when a node dies.
. "$(dirname "$0")/lib/checks.sh"

NAMES=(a b c d)
FIRST=(0 100 200 300)
PORT=()
NODE_PID=()
while read -r port; do PORT+=("$port"); done < <(free_ports 4)

for n in 0 1 2 3; do
  cat >"$TMP/${NAMES[n]}.rl" <<PROGRAM
server service_${NAMES[n]} {
    state { count: number = ${FIRST[n]} }
    receive fn increment() { state.set("count", state.count + 1) }
    receive fn echo(text: string) { "Node $(echo "${NAMES[n]}" | tr '[:lower:]' '[:upper:]') Echo: " + text }
}
PROGRAM
  peer=(-node-type p2p)
  [ $n -gt 0 ] && peer=(-add-peer "node-${NAMES[n - 1]}@127.0.0.1:${PORT[n - 1]}")
  start "${NAMES[n]}" "${PORT[n]}" "$TMP/${NAMES[n]}.rl" -server -node-id "node-${NAMES[n]}" "${peer[@]}"
  NODE_PID+=("$STARTED")
done
for n in 0 1 2 3; do ready "${PORT[n]}" "${NAMES[n]}"; done

# call FROM TO METHOD [ARGS]: numbers of nodes.
call() {
  local name=${NAMES[$2]}
  rpc "${PORT[$1]}" remote_call \
    "{\"node_id\":\"node-$name\",\"server_name\":\"service_$name\",\"method\":\"$3\",\"args\":${4:-[]}}"
}
reaches() { # FROM TO
  call "$1" "$2" echo '["?"]' | grep -q Echo
}

step 'local calls'
check_has 'the count of A begins at 0' '"result":1,' "$(rpc "${PORT[0]}" service_a.increment)"
check_has 'the text of A' 'Node A Echo' "$(rpc "${PORT[0]}" service_a.echo '["x"]')"
check_has 'the count of B begins at 100' '"result":101,' "$(rpc "${PORT[1]}" service_b.increment)"

step 'everyone calls everyone'
check_until 'A has a way to D' 10 reaches 0 3
check_until 'D has a way to A' 10 reaches 3 0
counts=(1 101 200 300)
for from in 0 1 2 3; do
  for to in 0 1 2 3; do
    [ $from = $to ] && continue
    counts[to]=$((counts[to] + 1))
    check_has "${NAMES[from]} to ${NAMES[to]}" "\"result\":${counts[to]}," "$(call $from $to increment)"
  done
done
check_has 'three links there and back' 'Node A Echo: Zoë' "$(call 3 0 echo '["Zoë"]')"

step 'a ring'
check_has 'A dials D' '"status":"success"' "$(curl -s -X POST "http://127.0.0.1:${PORT[0]}/registry/peers/add" \
  -d "{\"node_id\":\"node-d\",\"address\":\"127.0.0.1:${PORT[3]}\"}")"
check_until 'A is linked to D' 10 linked "${PORT[0]}" node-d
check_until 'D is linked to A' 10 linked "${PORT[3]}" node-a
kill_node "${NODE_PID[1]}"
check_until 'without B, A calls C through D' 10 reaches 0 2
check_until 'and C calls A' 10 reaches 2 0
check_has 'the count of C goes on' "\"result\":$((counts[2] + 1))," "$(call 0 2 increment)"
check_has 'nobody has a way to B' '"code":"node_not_found"' "$(call 3 1 increment)"
finish 25
