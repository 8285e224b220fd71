#!/usr/bin/env bash
# Three nodes that call each other over /ws/p2p: once as Main Relays, as the former launch line starts them today, and once in P2P
# mode. Starts its own nodes and checks every answer.
. "$(dirname "$0")/lib/checks.sh"
. "$EXAMPLES/lib/p2p-demo.sh"

METHODS='["set_name","name","add","total","echo"]'

add_peer() { # PORT ID PORT-OF-PEER
  curl -s -X POST "http://127.0.0.1:$1/registry/peers/add" -d "{\"node_id\":\"$2\",\"address\":\"127.0.0.1:$3\"}"
}

not_linked() { # PORT ID
  ! get "$1" /registry/peers | grep -q "\"$2\":{"
}

start_node() { # NUMBER WORDS…
  local number=$1
  shift
  start "$MODE-node$number" "${PORT[$number]}" "$DEMO" -server -node-id "node$number" "$@"
  NODE_PID[number]=$STARTED
}

run() { # MODE WORDS…
  MODE=$1
  export RELAY_DATA_DIR=$TMP/$MODE
  shift
  PORT=(0)
  NODE_PID=(0)
  local port n
  while read -r port; do PORT+=("$port"); done < <(free_ports 3)
  for n in 1 2 3; do start_node $n "$@"; done
  for n in 1 2 3; do ready "${PORT[n]}" "$MODE-node$n"; done
  local UNKNOWN_NODE UNKNOWN_SERVER UNKNOWN_METHOD
  if [ "$MODE" = p2p ]; then
    UNKNOWN_NODE=-32603 UNKNOWN_SERVER=-32603 UNKNOWN_METHOD=-32603
  else
    UNKNOWN_NODE=-32001 UNKNOWN_SERVER=-32002 UNKNOWN_METHOD=-32601
  fi

  step "$MODE 1: health, info, registry"
  for n in 1 2 3; do
    check_has "$MODE 1 health of node$n" '"status":"healthy"' "$(get "${PORT[n]}" /health)"
    check_has "$MODE 1 info of node$n" "\"node_id\":\"node$n\"" "$(get "${PORT[n]}" /info)"
    check_has "$MODE 1 registry of node$n" "\"methods\":$METHODS" "$(get "${PORT[n]}" /registry)"
  done

  step "$MODE 2: local calls"
  local amounts=(0 5 3 7)
  for n in 1 2 3; do
    check "$MODE 2 set_name on node$n" "\"node$n\"" "$(result "${PORT[n]}" p2p_demo.set_name "[\"node$n\"]")"
    check_has "$MODE 2 add on node$n" "\"result\":${amounts[n]}," "$(rpc "${PORT[n]}" p2p_demo.add "[${amounts[n]}]")"
  done

  step "$MODE 3: a ring"
  for n in 1 2 3; do
    local next=$((n % 3 + 1))
    check "$MODE 3 node$n adds node$next" "{\"status\":\"success\",\"message\":\"Peer node$next added successfully\"}" \
      "$(add_peer "${PORT[n]}" "node$next" "${PORT[next]}")"
  done
  for n in 1 2 3; do
    local other
    for other in 1 2 3; do
      [ $other = "$n" ] && continue
      check_until "$MODE 3 node$n sees node$other" 5 linked "${PORT[n]}" "node$other"
    done
  done

  step "$MODE 4, 5: calls around the ring"
  check "$MODE 4 name 1 to 2" '"node2"' "$(demo "${PORT[1]}" node2 name)"
  check "$MODE 4 name 2 to 3" '"node3"' "$(demo "${PORT[2]}" node3 name)"
  check "$MODE 4 name 3 to 1" '"node1"' "$(demo "${PORT[3]}" node1 name)"
  check "$MODE 5 add 10, 1 to 2" 13 "$(demo "${PORT[1]}" node2 add '[10]')"
  local value
  for value in '{"a":[1,{"b":null}],"c":true}' '[1,"two",false,null]' null '"says \"hej\", Zoë – ŝ"'; do
    check "$MODE 5 echo" "$value" "$(demo "${PORT[1]}" node2 echo "[$value]")"
  done

  step "$MODE 6: one link of the ring goes"
  check_has "$MODE 6 node3 removes node1" '"status":"success"' \
    "$(curl -s -X DELETE "http://127.0.0.1:${PORT[3]}/registry/peers/remove" -d '{"node_id":"node1"}')"
  check_until "$MODE 6 closed at node3" 5 not_linked "${PORT[3]}" node1
  check_until "$MODE 6 closed at node1" 5 not_linked "${PORT[1]}" node3
  around() { [ "$(demo "${PORT[1]}" node3 name)" = '"node3"' ]; }
  until_true 5 around
  check "$MODE 6 name 1 to 3 through node2" '"node3"' "$(demo "${PORT[1]}" node3 name)"

  step "$MODE 7: registry views"
  check_has "$MODE 7 services of neighbours" '"is_local":false' "$(get "${PORT[2]}" /registry/servers)"
  check_has "$MODE 7 with their origin" '"origin":"p2p"' "$(get "${PORT[2]}" /registry/servers)"

  step "$MODE 8: parallel calls"
  local before=(0 0 0 0) batch
  for n in 1 2 3; do before[n]=$(result "${PORT[n]}" p2p_demo.total); done
  for batch in 1 2 3 4 5; do
    local jobs=()
    demo "${PORT[1]}" node2 add '[1]' >"$TMP/add2" & jobs+=($!)
    demo "${PORT[2]}" node3 add '[1]' >"$TMP/add3" & jobs+=($!)
    demo "${PORT[2]}" node1 add '[1]' >"$TMP/add1" & jobs+=($!)
    wait "${jobs[@]}"
  done
  for n in 1 2 3; do
    check "$MODE 8 total of node$n" $((before[n] + 5)) "$(result "${PORT[n]}" p2p_demo.total)"
  done

  step "$MODE 9: errors, at once"
  local at
  at=$(now_ms)
  check "$MODE 9 unknown node" "$UNKNOWN_NODE node_not_found" \
    "$(failure "${PORT[1]}" remote_call '{"node_id":"node9","server_name":"p2p_demo","method":"name"}')"
  check "$MODE 9 unknown server" "$UNKNOWN_SERVER service_not_found" \
    "$(failure "${PORT[1]}" remote_call '{"node_id":"node2","server_name":"nothing","method":"name"}')"
  check "$MODE 9 unknown method" "$UNKNOWN_METHOD method_not_found" \
    "$(failure "${PORT[1]}" remote_call '{"node_id":"node2","server_name":"p2p_demo","method":"nothing"}')"
  check "$MODE 9 no node_id" '-32602 invalid_params' "$(failure "${PORT[1]}" remote_call '{"server_name":"p2p_demo","method":"name"}')"
  check "$MODE 9 args a text" '-32602 invalid_params' \
    "$(failure "${PORT[1]}" remote_call '{"node_id":"node2","server_name":"p2p_demo","method":"name","args":"x"}')"
  check_between "$MODE 9 time of all five, in ms" 0 5000 $(($(now_ms) - at))

  step "$MODE 10: a node that does not answer"
  kill -STOP "${NODE_PID[2]}"
  at=$(now_ms)
  check_has "$MODE 10 paused node2" '"code":"timeout"' "$(demo "${PORT[1]}" node2 name '[]' ',"timeout":0.5')"
  check_between "$MODE 10 time in ms" 450 1500 $(($(now_ms) - at))
  kill -CONT "${NODE_PID[2]}"
  check "$MODE 10 resumed" '"node2"' "$(demo "${PORT[1]}" node2 name)"

  step "$MODE 11: the link itself"
  check "$MODE 11 upgrade without node_id" 400 "$(upgrade "${PORT[1]}" AAAAAAAAAAAAAAAAAAAAAA==)"
  check "$MODE 11 raw ping" pong "$("$NODE" "$EXAMPLES/lib/ping-p2p.mjs" "ws://127.0.0.1:${PORT[1]}/ws/p2p" node1)"

  step "$MODE 12: a node dies and comes back"
  kill_node "${NODE_PID[2]}"
  start_node 2 "$@"
  ready "${PORT[2]}" "$MODE-node2"
  back() { demo "${PORT[1]}" node2 echo '["back"]' '' | grep -q '"back"'; }
  until_true 35 back
  check "$MODE 12 callable again within 35 s" '"back"' "$(demo "${PORT[1]}" node2 echo '["back"]')"
  stop_all
}

run main
run p2p -node-type p2p
finish 106
