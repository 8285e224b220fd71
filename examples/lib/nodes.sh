# Nodes of a script, each a process of its own on a free port with its state in a temporary folder, and calls to them over HTTP.
# Part of checks.sh. However the script ends, Ctrl+C included, the nodes end with it and the folder goes.

RELAY_BIN=${RELAY_BIN:-$ROOT/relay}
PIDS=()
STOP_SECONDS=5
TMP=$(mktemp -d)
export RELAY_DATA_DIR=$TMP/data
# Nobody is served after the script; nothing has to move away first.
export RELAY_DRAIN_SECONDS=0

leave() {
  # A second Ctrl+C must not leave nodes behind.
  trap '' INT TERM HUP
  trap - EXIT
  stop_all
  rm -rf "$TMP"
}
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

NODE=
for candidate in "$ROOT"/node_modules/node-*/bin/node "$(command -v node || true)"; do
  if [ -x "$candidate" ]; then
    NODE=$candidate
    break
  fi
done
[ -n "$NODE" ] || { echo 'Error: no Node.js found' >&2; exit 1; }

# free_ports COUNT: so many free ports, or PORT_BASE and those after it. Not from the range that the system gives to outgoing
# connections, which could take one before its node does. Scripts that run side by side have numbers near each other: each begins
# with a block of its own.
free_ports() {
  if [ -n "${PORT_BASE:-}" ]; then
    seq "$PORT_BASE" $((PORT_BASE + $1 - 1))
    return
  fi
  "$NODE" -e '
    const net = require("node:net");
    const [count, script] = process.argv.slice(1).map(Number);
    const found = [];
    let next = script * 16;
    const look = () => {
      if (found.length === count) return console.log(found.join("\n"));
      const port = 15_000 + (next++ % 15_000);
      const server = net.createServer().on("error", look);
      server.listen(port, "127.0.0.1", () => server.close(() => { found.push(port); look(); }));
    };
    look();' "$1" $$
}

# start_line NAME WORDS…: a node in the background; its output goes to $TMP/NAME.log, its process id to $STARTED.
start_line() {
  local name=$1
  shift
  "$RELAY_BIN" "$@" >>"$TMP/$name.log" 2>&1 </dev/null &
  STARTED=$!
  PIDS+=("$STARTED")
  echo "$STARTED" >"$TMP/$name.pid"
}

# start NAME PORT WORDS…: the same on this port of the loopback address.
start() {
  start_line "$1" "${@:3}" -port "$2" -host 127.0.0.1
}

# ready PORT NAME: waits until the node takes calls; without it there is nothing to check.
ready() {
  is_ready_or_gone() {
    curl -sf "http://127.0.0.1:$1/ready" || ! kill -0 "$(cat "$TMP/$2.pid")"
  }
  step "waiting for node $2 on port $1"
  until_true 60 is_ready_or_gone "$@"
  curl -sf "http://127.0.0.1:$1/ready" >/dev/null && return
  fail "node $2 on port $1 is not ready"
  cat "$TMP/$2.log" >&2
  exit 1
}

# kill_node PID: ends a node without a word.
kill_node() {
  local pid kept=()
  kill -KILL "$1"
  wait "$1" 2>/dev/null
  # Its number may become that of a stranger.
  for pid in "${PIDS[@]}"; do [ "$pid" = "$1" ] || kept+=("$pid"); done
  PIDS=("${kept[@]:-}")
}

ended() {
  local pid
  for pid in "${PIDS[@]:-}"; do
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && return 1
  done
  return 0
}

stop_all() {
  local pid
  for pid in "${PIDS[@]:-}"; do
    [ -n "$pid" ] || continue
    # One that is paused would not hear the request.
    kill -CONT "$pid" 2>/dev/null
    kill -TERM "$pid" 2>/dev/null
  done
  if ! until_true "$STOP_SECONDS" ended; then
    for pid in "${PIDS[@]:-}"; do kill -KILL "$pid" 2>/dev/null; done
  fi
  for pid in "${PIDS[@]:-}"; do [ -n "$pid" ] && wait "$pid" 2>/dev/null; done
  PIDS=()
}

get() { # PORT PATH
  curl -s --max-time 10 "http://127.0.0.1:$1$2"
}

# status PORT PATH [CURL-WORDS…]: the HTTP status alone.
status() {
  local url=http://127.0.0.1:$1$2
  shift 2
  curl -s -o "$TMP/body" -w '%{http_code}' --max-time 10 "$@" "$url"
}

# rpc PORT METHOD [PARAMS]: the whole answer.
rpc() {
  curl -s --max-time 40 -X POST "http://127.0.0.1:$1/rpc" -d "{\"jsonrpc\":\"2.0\",\"method\":\"$2\",\"params\":${3:-null},\"id\":1}"
}

# result PORT METHOD [PARAMS]: the result as compact JSON, or the whole answer if there is none.
result() {
  local answer
  answer=$(rpc "$@")
  case $answer in
    '{"jsonrpc":"2.0","result":'*) answer=${answer#'{"jsonrpc":"2.0","result":'}; echo "${answer%',"id":1}'}" ;;
    *) echo "$answer" ;;
  esac
}

# failure PORT METHOD [PARAMS]: the number and the stable name of the error.
failure() {
  local answer
  answer=$(rpc "$@")
  echo "$(field "$answer" '"error":\{"code":(-[0-9]+)') $(field "$answer" '"data":\{"code":"([a-z_]+)"')"
}

# remote PORT NODE SERVER METHOD [ARGS] [MORE]: the result of a call to a server of another node.
remote() {
  result "$1" remote_call "{\"node_id\":\"$2\",\"server_name\":\"$3\",\"method\":\"$4\",\"args\":${5:-[]}${6:-}}"
}

# upgrade PORT KEY [QUERY] [CURL-WORDS…]: the status of an upgrade to a P2P link.
upgrade() {
  status "$1" "/ws/p2p${3:-}" -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
    -H "Sec-WebSocket-Key: $2" "${@:4}"
}

# linked PORT ID: this node has a healthy link to that one.
linked() {
  get "$1" /registry/peers | grep -q "\"$2\":{[^}]*\"is_healthy\":true"
}

# check_fast NAME LIMIT PORT METHOD PARAMS: a call takes less than LIMIT ms. Tried for ten seconds: the machine may be busy.
check_fast() {
  local took=
  is_fast() {
    took=$(curl -s -o "$TMP/body" -w '%{time_total}' --max-time 10 -X POST "http://127.0.0.1:$2/rpc" \
      -d "{\"jsonrpc\":\"2.0\",\"method\":\"$3\",\"params\":$4,\"id\":1}" | LC_ALL=C awk '{ printf "%d", $1 * 1000 }')
    [ "$took" -lt "$1" ]
  }
  until_true 10 is_fast "${@:2}"
  check_between "$1, in ms" 0 $(($2 - 1)) "$took"
}
