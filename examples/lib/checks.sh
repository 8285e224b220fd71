# Shared by the shell scripts of the examples: one line for each check, a summary, and an end that stops exactly what was started.
# Source it first; it reads the options of the script. Needs bash, curl and Node.
#   --help, -h     prints the comment at the head of the script
#   --self-test    negative control: every expected value is made wrong, so every check has to fail
#   PORT_BASE=N    the nodes listen on N and the ports after it instead of free ones
#   RELAY_BIN=PATH another launcher

set -u
EXAMPLES=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
ROOT=$(dirname "$EXAMPLES")
PASSED=0
FAILED=0
# Stands behind every expected value.
WRONG=

for option in "$@"; do
  case $option in
    -h | --help)
      sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
      echo "usage: $0 [--self-test]   (settings: PORT_BASE, RELAY_BIN)"
      exit 0
      ;;
    --self-test) WRONG=' (wrong on purpose)' ;;
    *)
      echo "$0: unknown option $option; see --help" >&2
      exit 2
      ;;
  esac
done

# step TEXT: what the next checks are about, for whoever watches.
step() {
  [ -t 1 ] && echo "--- $1"
  return 0
}

pass() {
  PASSED=$((PASSED + 1))
  echo "PASS $1"
}

fail() {
  FAILED=$((FAILED + 1))
  echo "FAIL $1"
}

# check NAME EXPECTED ACTUAL
check() {
  local expected=$2$WRONG
  if [ "$expected" = "$3" ]; then pass "$1: expected $expected, got $3"; else fail "$1: expected $expected, got $3"; fi
}

# check_has NAME TEXT ACTUAL
check_has() {
  local expected=$2$WRONG
  case $3 in
    *"$expected"*) pass "$1: has $expected" ;;
    *) fail "$1: expected $expected in $3" ;;
  esac
}

# check_between NAME LOW HIGH ACTUAL: whole numbers.
check_between() {
  if [ -z "$WRONG" ] && [ "$4" -ge "$2" ] && [ "$4" -le "$3" ]; then
    pass "$1: expected $2 to $3, got $4"
  else
    fail "$1: expected $2 to $3$WRONG, got $4"
  fi
}

# check_until NAME SECONDS COMMAND…: the command succeeds within so many seconds.
check_until() {
  local name=$1 seconds=$2
  shift 2
  if until_true "$seconds" "$@" && [ -z "$WRONG" ]; then pass "$name"; else fail "$name: not within $seconds s$WRONG"; fi
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

now_ms() {
  # Bash has microseconds since version 5; older ones ask for seconds.
  if [ -n "${EPOCHREALTIME:-}" ]; then
    local digits=${EPOCHREALTIME//[!0-9]/}
    echo "${digits%???}"
  else
    echo "$(date +%s)000"
  fi
}

# field TEXT PATTERN: the first group of a regular expression.
field() {
  [[ $1 =~ $2 ]] && echo "${BASH_REMATCH[1]}"
}

# finish EXPECTED-COUNT: the summary; fails if a check failed or did not run.
finish() {
  echo "$PASSED passed, $FAILED failed"
  if [ $((PASSED + FAILED)) -ne "$1" ]; then
    echo "$1 checks should have run" >&2
    exit 1
  fi
  [ "$FAILED" -eq 0 ]
  exit
}

. "$EXAMPLES/lib/nodes.sh"
