#!/usr/bin/env bash
# Two nodes in P2P mode, linked by the launch line of the second one: calls both ways, wrong calls, and the upgrade to a link.
. "$(dirname "$0")/lib/checks.sh"

for name in anna berta; do
  cat >"$TMP/$name.rl" <<PROGRAM
server greeter {
    receive fn hello(name: string) { "Hello, " + name + ", from $name!" }
}
server only_$name {
    receive fn twice(n: number) { 2 * n }
}
PROGRAM
done
{ read -r ANNA; read -r BERTA; } < <(free_ports 2)
start anna "$ANNA" "$TMP/anna.rl" -server -node-type p2p -node-id anna
start berta "$BERTA" "$TMP/berta.rl" -server -node-id berta -add-peer "http://127.0.0.1:$ANNA"
ready "$ANNA" anna
ready "$BERTA" berta

step 'the link'
check_has 'the launch line with -add-peer means P2P mode' '"node_type":"p2p"' "$(get "$BERTA" /health)"
check_until 'berta is linked to anna' 10 linked "$BERTA" anna
check_until 'anna is linked to berta' 10 linked "$ANNA" berta
knows() {
  get "$1" /registry/servers | grep -q "\"$2\":{"
}
check_until 'anna knows the servers of berta' 5 knows "$ANNA" only_berta
check_until 'berta knows the servers of anna' 5 knows "$BERTA" only_anna

step 'calls'
check 'local' '"Hello, you, from anna!"' "$(result "$ANNA" greeter.hello '["you"]')"
check 'anna to berta' '"Hello, Anna, from berta!"' "$(remote "$ANNA" berta greeter hello '["Anna"]')"
check 'berta to anna' '"Hello, Berta, from anna!"' "$(remote "$BERTA" anna greeter hello '["Berta"]')"
check 'to itself' '"Hello, me, from anna!"' "$(remote "$ANNA" anna greeter hello '["me"]')"
check 'by the name of the service' 8 "$(result "$ANNA" remote_call '{"service_name":"only_berta","method":"twice","args":[4]}')"

step 'wrong calls'
check 'no node_id' '-32602 invalid_params' "$(failure "$ANNA" remote_call '{"server_name":"greeter","method":"hello"}')"
check_has 'no node_id, in words' 'is required' "$(rpc "$ANNA" remote_call '{"server_name":"greeter","method":"hello"}')"
check 'no method' '-32602 invalid_params' "$(failure "$ANNA" remote_call '{"node_id":"berta","server_name":"greeter"}')"
check 'an address of the federation' '-32602 invalid_params' \
  "$(failure "$ANNA" remote_call '{"node_id":"berta@main","server_name":"greeter","method":"hello"}')"
check 'unknown node' '-32603 node_not_found' \
  "$(failure "$ANNA" remote_call '{"node_id":"carla","server_name":"greeter","method":"hello"}')"
check 'a server that only the other one has' '-32603 service_not_found' \
  "$(failure "$ANNA" remote_call '{"node_id":"berta","server_name":"only_anna","method":"twice","args":[1]}')"

step 'the upgrade'
GOOD_KEY=AAAAAAAAAAAAAAAAAAAAAA==
check 'without node_id' 400 "$(upgrade "$ANNA" "$GOOD_KEY")"
check 'with a bad node_id' 400 "$(upgrade "$ANNA" "$GOOD_KEY" '?node_id=a%20b')"
check 'with a bad key' 400 "$(upgrade "$ANNA" short '?node_id=raw_client')"
check 'no upgrade' 426 "$(status "$ANNA" '/ws/p2p?node_id=raw_client')"
check 'a good one' 101 "$(upgrade "$ANNA" "$GOOD_KEY" '?node_id=raw_client' --max-time 0.2)"
check 'a ping by hand' pong "$("$NODE" "$EXAMPLES/lib/ping-p2p.mjs" "ws://127.0.0.1:$ANNA/ws/p2p" anna)"

step 'nothing of the federation runs'
for path in /federation/health /federation/registry /ws/federation /ws/peers; do
  check "$path" 404 "$(status "$ANNA" "$path")"
done
finish 26
