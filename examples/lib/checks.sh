# Shared by the shell scripts of the examples: nodes on free ports in a temporary folder, checks with one line each, and an end
# that stops exactly what was started. Source it after `set -u`; needs bash, curl and Node.

EXAMPLES=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
ROOT=$(dirname "$EXAMPLES")
RELAY_BIN=${RELAY_BIN:-$ROOT/relay}
PASSED=0
FAILED=0
PIDS=()
TMP=$(mktemp -d)
export RELAY_DATA_DIR=$TMP/data

NODE=
for candidate in "$ROOT"/node_modules/node-*/bin/node "$(command -v node || true)"; do
  if [ -x "$candidate" ]; then
    NODE=$candidate
    break
  fi
done
[ -n "$NODE" ] || { echo 'Error: no Node.js found' >&2; exit 1; }

stop_all() {
  local pid
  for pid in "${PIDS[@]:-}"; do
    [ -n "$pid" ] || continue
    kill -CONT "$pid" 2>/dev/null
    kill -TERM "$pid" 2>/dev/null
  done
  for pid in "${PIDS[@]:-}"; do
    [ -n "$pid" ] && wait "$pid" 2>/dev/null
  done
  PIDS=()
}

leave() {
  trap - EXIT INT TERM
  stop_all
  rm -rf "$TMP"
}
trap leave EXIT
trap 'exit 1' INT TERM

# free_ports COUNT: so many free ports, or PORT_BASE and those after it.
free_ports() {
  if [ -n "${PORT_BASE:-}" ]; then
    seq "$PORT_BASE" $((PORT_BASE + $1 - 1))
    return
  fi
  "$NODE" -e '
    const net = require("node:net");
    const servers = Array.from({ length: Number(process.argv[1]) }, () => net.createServer().listen(0, "127.0.0.1"));
    let left = servers.length;
    for (const one of servers) one.on("listening", () => {
      if (--left === 0) for (const each of servers) { console.log(each.address().port); each.close(); }
    });' "$1"
}

# start NAME PORT WORDS…: a node in the background; its output goes to $TMP/NAME.log, its process id to $STARTED.
start() {
  local name=$1 port=$2
  shift 2
  "$RELAY_BIN" "$@" -port "$port" -host 127.0.0.1 >>"$TMP/$name.log" 2>&1 &
  STARTED=$!
  PIDS+=("$STARTED")
}

# until_true SECONDS COMMAND…: waits for a condition with a limit.
until_true() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(now_ms)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# ready PORT NAME
ready() {
  until_true 20 curl -sf "http://127.0.0.1:$1/ready" && return
  echo "FAIL node on port $1 did not become ready" >&2
  cat "$TMP/$2.log" >&2
  exit 1
}

now_ms() {
  # Bash has microseconds since version 5; older ones ask for seconds.
  if [ -n "${EPOCHREALTIME:-}" ]; then
    local digits=${EPOCHREALTIME//[!0-9]/}
    echo "${digits%???}"
  else
    echo "$(date +%s)000"
  fi
}

# check NAME EXPECTED ACTUAL
check() {
  if [ "$2" = "$3" ]; then
    PASSED=$((PASSED + 1))
    echo "PASS $1: expected $2, got $3"
  else
    FAILED=$((FAILED + 1))
    echo "FAIL $1: expected $2, got $3"
  fi
}

# check_has NAME TEXT ACTUAL
check_has() {
  case $3 in
    *"$2"*) PASSED=$((PASSED + 1)); echo "PASS $1: has $2" ;;
    *) FAILED=$((FAILED + 1)); echo "FAIL $1: expected $2 in $3" ;;
  esac
}

# check_between NAME LOW HIGH ACTUAL
check_between() {
  if [ "$4" -ge "$2" ] && [ "$4" -le "$3" ]; then
    PASSED=$((PASSED + 1))
    echo "PASS $1: expected $2 to $3, got $4"
  else
    FAILED=$((FAILED + 1))
    echo "FAIL $1: expected $2 to $3, got $4"
  fi
}

get() {
  curl -s --max-time 10 "http://127.0.0.1:$1$2"
}

# rpc PORT METHOD [PARAMS]: the whole answer.
rpc() {
  curl -s --max-time 40 -X POST "http://127.0.0.1:$1/rpc" -d "{\"jsonrpc\":\"2.0\",\"method\":\"$2\",\"params\":${3:-null},\"id\":1}"
}

# result PORT METHOD [PARAMS]: the result as compact JSON, or the error.
result() {
  local answer
  answer=$(rpc "$@")
  case $answer in
    '{"jsonrpc":"2.0","result":'*) answer=${answer#'{"jsonrpc":"2.0","result":'}; echo "${answer%',"id":1}'}" ;;
    *) echo "$answer" ;;
  esac
}

# field TEXT PATTERN: the first group of a regular expression.
field() {
  [[ $1 =~ $2 ]] && echo "${BASH_REMATCH[1]}"
}

finish() {
  echo "$PASSED passed, $FAILED failed"
  [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
  exit $?
}
