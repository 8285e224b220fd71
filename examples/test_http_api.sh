#!/usr/bin/env bash
# The HTTP interface of one node: a blog in twelve steps, then every rule of JSON-RPC over HTTP that clients of P2P nodes rely on
# (H1 to H32), with a second node for settings and a third one without a registry.
. "$(dirname "$0")/lib/checks.sh"

cat >"$TMP/probe.rl" <<'PROGRAM'
server probe {
    state { count: number = 0 }
    receive fn count() { state.count }
    receive fn increment() { state.set("count", state.count + 1) }
    receive fn hello() { "Hello, World!" }
    receive fn echo(value) { value }
    receive fn sum(a: number, b: number) { a + b }
    receive fn length_of(list: array) { list.length() }
    receive fn three(a, b, c) { [a, b, c] }
    receive fn title_of(post: object) { post.title }
}
PROGRAM
{ read -r BLOG; read -r PROBE; read -r ALONE; } < <(free_ports 3)
cat - "$TMP/probe.rl" >"$TMP/settings.rl" <<PROGRAM
config { host: "127.0.0.1", port: $PROBE, node_id: "probe1", http: {cors: false, headers: {"X-Example": "yes"}} }
PROGRAM
start blog "$BLOG" "$EXAMPLES/blog_server.rl" -server -node-type p2p -node-id blog1
start_line probe "$TMP/settings.rl" -server -node-type main
start alone "$ALONE" "$TMP/probe.rl" -server -node-id alone1 -disable-registry
ready "$BLOG" blog
ready "$PROBE" probe
ready "$ALONE" alone

# post PORT BODY: the answer to any body.
post() {
  curl -s --max-time 10 -X POST "http://127.0.0.1:$1/rpc" -d "$2"
}

# same NAME VALUE: a value comes back as it was sent.
same() {
  check "$1" "$2" "$(result "$PROBE" probe.echo "[$2]")"
}

blog() {
  result "$BLOG" "blog_server.$1" "${2:-[]}"
}

step 'the blog, step by step'
check '1 health' '"healthy"' "$(field "$(get "$BLOG" /health)" '"status":("[a-z]+")')"
check '2 services' '["blog_server"]' "$(field "$(get "$BLOG" /info)" '"servers":(\[[^]]*\])')"
check '3 no posts yet' '[]' "$(blog get_posts)"
check '4 first post' 1 "$(blog create_post '["First","Hello"]')"
check '5 second post' 2 "$(blog create_post '{"title":"Second","content":"Zoë"}')"
check '6 both' '["First","Second"]' \
  "[$(blog get_posts | grep -o '"title":"[A-Za-z]*"' | sed 's/"title"://' | paste -sd, -)]"
check '7 one' '{"id":2,"title":"Second","content":"Zoë"}' "$(blog get_post '[2]')"
check '8 one that is not there' null "$(blog get_post '[9]')"
check '9 stats' '{"total_posts":2,"next_id":3}' "$(blog get_stats)"
check '10 delete' true "$(blog delete_post '[1]')"
check '11 delete again' false "$(blog delete_post '[1]')"
check '12 unknown method' '-32601 method_not_found' "$(failure "$BLOG" blog_server.nothing)"

step 'calls'
check 'H1 no parameters' 0 "$(result "$PROBE" probe.count)"
check 'H2 a change' 1 "$(result "$PROBE" probe.increment)"
check 'H2 is seen by the next call' 1 "$(result "$PROBE" probe.count)"
check 'H3 text' '"Hello, World!"' "$(result "$PROBE" probe.hello)"
check 'H4 one argument' '"t"' "$(result "$PROBE" probe.echo '["t"]')"
check 'H5 two arguments' 30 "$(result "$PROBE" probe.sum '[10, 20]')"
check 'H9 an object without the name of the parameter' '{"x":1,"y":[2]}' "$(result "$PROBE" probe.echo '{"x":1,"y":[2]}')"
check 'H10 one array' 5 "$(result "$PROBE" probe.length_of '[[1,2,3,4,5]]')"
check 'H11 three kinds' '["hello",42,true]' "$(result "$PROBE" probe.three '["hello", 42, true]')"
check 'H21 an object for one object' '"New"' "$(result "$PROBE" probe.title_of '{"title":"New","content":"x"}')"

step 'values'
same 'H25 null' null
same 'H25 true' true
same 'H25 whole number' -17
same 'H25 fraction' 0.25
same 'H25 text' '"says \"hej\", Zoë – ŝ\n"'
same 'H26 array' '[1,"two",false,null,[]]'
same 'H26 object' '{"a":{"b":[{"c":null}]},"d":""}'

step 'names and nodes that are not there'
check 'H6 unknown server' '-32601 service_not_found' "$(failure "$PROBE" nothing.at_all)"
check 'H7 unknown method' '-32601 method_not_found' "$(failure "$PROBE" probe.nothing)"
check_has 'H7 in words' "Server 'probe' has no method 'nothing'" "$(rpc "$PROBE" probe.nothing)"
check 'H8 no dot' '-32601 method_not_found' "$(failure "$PROBE" nothing)"
for name in probe.count.extra x .m s.; do
  check "H27 $name" -32601 "$(field "$(rpc "$PROBE" "$name")" '"code":(-[0-9]+)')"
done
check 'H22 unconnected node' '-32001 node_not_found' \
  "$(failure "$PROBE" remote_call '{"node_id":"node9","server_name":"probe","method":"count"}')"
check 'H23 unknown server, status' 200 "$(status "$PROBE" /rpc -d '{"jsonrpc":"2.0","method":"nothing.x","id":1}')"
check 'H23 bad name, status' 200 "$(status "$PROBE" /rpc -d '{"jsonrpc":"2.0","method":"..","id":1}')"
check 'H32 unconnected node of a P2P node' '-32603 node_not_found' \
  "$(failure "$BLOG" remote_call '{"node_id":"node9","server_name":"probe","method":"count"}')"
check 'H32 it goes on' 1 "$(result "$PROBE" probe.count)"

step 'bad requests'
check 'H14 not JSON' '-32700 parse_error' "$(
  answer=$(post "$PROBE" '{"jsonrpc"')
  echo "$(field "$answer" '"code":(-[0-9]+)') $(field "$answer" '"data":\{"code":"([a-z_]+)"')"
)"
check 'H14 status' 400 "$(status "$PROBE" /rpc -d '{"jsonrpc"')"
check 'H15 no jsonrpc' -32600 "$(field "$(post "$PROBE" '{"method":"probe.count","id":1}')" '"code":(-[0-9]+)')"
check 'H16 no method' -32600 "$(field "$(post "$PROBE" '{"jsonrpc":"2.0","id":1}')" '"code":(-[0-9]+)')"
check 'H17 GET /rpc' 405 "$(status "$PROBE" /rpc)"
check 'H24 in JSON' -32600 "$(field "$(get "$PROBE" /rpc)" '^\{"jsonrpc":"2.0","error":\{"code":(-[0-9]+)')"

step 'views'
check_has 'H12 health' '"status":"healthy"' "$(get "$PROBE" /health)"
check_has 'H13 version' '"relay_version":"' "$(get "$PROBE" /info)"
check_has 'H13 JSON-RPC' '"jsonrpc_version":"2.0"' "$(get "$PROBE" /info)"
for path in /health /info /registry; do
  check_has "H29 $path of a P2P node" '"node_id":"blog1"' "$(get "$BLOG" $path)"
done
check_has 'H29 architecture' '"architecture":"p2p"' "$(get "$BLOG" /info)"
check_has 'H29 registry' '"name":"blog_server"' "$(get "$BLOG" /registry)"

step 'web pages and settings'
headers() { # PORT CURL-WORDS…; in lower case
  curl -s -o "$TMP/body" -D - --max-time 10 "${@:2}" "http://127.0.0.1:$1/rpc" | tr -d '\r' | tr '[:upper:]' '[:lower:]'
}
BODY='{"jsonrpc":"2.0","method":"blog_server.get_stats","id":1}'
PAGE=(-H 'Origin: http://page.example' -H 'Content-Type: application/json' -d "$BODY")
check_has 'H18 any page may call a P2P node' 'access-control-allow-origin: *' "$(headers "$BLOG" "${PAGE[@]}")"
check_has 'H18 methods' 'get, post, delete, options' "$(headers "$BLOG" "${PAGE[@]}")"
check 'H19 OPTIONS' 200 "$(status "$BLOG" /rpc -X OPTIONS)"
check 'H20 host and port of the config block' '"probe1"' "$(field "$(get "$PROBE" /info)" '"node_id":("[a-z0-9]+")')"
check 'H20 CORS off' 0 "$(headers "$PROBE" "${PAGE[@]}" | grep -ci access-control)"
check_has 'H30 a header of its own' 'x-example: yes' "$(headers "$PROBE" "${PAGE[@]}")"

step 'links and registry'
check 'H28 upgrade without node_id' 400 "$(upgrade "$BLOG" AAAAAAAAAAAAAAAAAAAAAA==)"
check 'H31 registry on' 200 "$(status "$BLOG" /registry)"
check 'H31 P2P on' 101 "$(upgrade "$BLOG" AAAAAAAAAAAAAAAAAAAAAA== '?node_id=raw_client' --max-time 0.2)"
check 'H31 registry off' 404 "$(status "$ALONE" /registry)"
check 'H31 P2P off' 404 "$(upgrade "$ALONE" AAAAAAAAAAAAAAAAAAAAAA== '?node_id=raw_client')"
check_has 'H31 remote_call off' 'WebSocket P2P not enabled' \
  "$(rpc "$ALONE" remote_call '{"node_id":"blog1","server_name":"blog_server","method":"get_stats"}')"
finish 68
