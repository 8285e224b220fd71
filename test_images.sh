#!/usr/bin/env bash
# Builds both container images and runs the lines of the migration plan (task 4.3, test 1) with them: a Home in one container serves a call
# through a Main in another. Prints sizes and times; leaves only the images behind. Needs podman, and root where podman does.
#
#   ./test_images.sh [--keep]     --keep leaves the containers running, for a look
#
#   NODE_IMAGE        base image with Node.js 24.12 or newer and npm; default: that of the Dockerfile, and where it cannot be pulled, one made
#                     here of Debian (debootstrap) and the Node.js that npm installed for this project
#   PODMAN_OPTIONS    in front of every command, such as "--runtime runc"
#   BUILD_OPTIONS     of `podman build`, such as "--isolation chroot --network host"
#   RUN_OPTIONS       of `podman run`, such as "--ulimit nofile=1024:1024"
set -euo pipefail
cd "$(dirname "$0")"

keep=false
case ${1-} in
  '') ;;
  --keep) keep=true ;;
  -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
  *) echo "Error: unknown option $1; see ./test_images.sh --help" >&2; exit 2 ;;
esac

read -ra podman_options <<<"${PODMAN_OPTIONS-}"
read -ra build_options <<<"${BUILD_OPTIONS-}"
read -ra run_options <<<"${RUN_OPTIONS-}"
podman() { command podman ${podman_options[@]+"${podman_options[@]}"} "$@"; }

command -v podman >/dev/null || { echo 'Error: podman is missing: apt-get install podman' >&2; exit 1; }

work=$(mktemp -d)
network=relay-test-$$
main=relay-test-main-$$
home=relay-test-home-$$
failures=0

clean_up() {
  if ! $keep; then
    podman rm --force --time 5 --volumes "$home" "$main" >/dev/null 2>&1 || true
    podman network rm --force "$network" >/dev/null 2>&1 || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

check() { # NAME EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then printf '  ok    %s\n' "$1"; else
    printf '  FAIL  %s: expected %s, got %s\n' "$1" "$2" "$3"
    failures=$((failures + 1))
  fi
}
now_ms() { date +%s%3N; }

# Waits until a command succeeds; $1 is the limit in seconds.
until_true() {
  local limit=$(($(now_ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(now_ms)" -lt "$limit" ] || return 1
    sleep 0.05
  done
}

# A small Debian with the Node.js of this project and npm: what stands in for the public image.
make_base() {
  command -v debootstrap >/dev/null || { echo 'Error: no base image could be pulled; debootstrap can make one: apt-get install debootstrap' >&2; exit 1; }
  local node
  node=$(readlink -f node_modules/node-linux-*/bin/node)
  npm_folder=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  debootstrap --variant=minbase --include=binutils,ca-certificates,libatomic1,libstdc++6 "${DEBIAN_RELEASE:-bookworm}" "$work/root" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2; exit 1; }
  # Where certificates of the machine's own are needed to reach a registry.
  cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$work/root/var/cache/apt" "$work/root/var/lib/apt/lists" "$work/root/usr/share/doc" "$work/root/usr/share/man"
  install -D "$node" "$work/root/usr/local/bin/node"
  mkdir -p "$work/root/usr/local/lib/node_modules"
  cp -r "$npm_folder" "$work/root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
  tar -C "$work/root" -c . | podman import - localhost/node-base:latest >/dev/null
  rm -rf "$work/root"
}

echo 'Base image'
if [ -z "${NODE_IMAGE-}" ]; then
  NODE_IMAGE=$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)
  if ! podman pull --quiet "$NODE_IMAGE" >/dev/null 2>&1; then
    echo "  $NODE_IMAGE cannot be pulled; making one of Debian"
    make_base
    NODE_IMAGE=localhost/node-base:latest
  fi
fi
echo "  $NODE_IMAGE"

echo 'Build'
for target in relay-main relay-home; do
  from=$(now_ms)
  # Not the OCI format: it has no place for the health check.
  podman build --format docker ${build_options[@]+"${build_options[@]}"} --build-arg "NODE_IMAGE=$NODE_IMAGE" \
    --target "$target" --tag "$target:latest" . >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log" >&2; exit 1; }
  size=$(podman image inspect --format '{{.Size}}' "$target:latest")
  base=$(podman image inspect --format '{{.Size}}' "$NODE_IMAGE")
  printf '  %s: %d MB, of which %d MB over the base; built in %d s\n' \
    "$target" $((size / 1000000)) $(((size - base) / 1000000)) $((($(now_ms) - from) / 1000))
done

echo 'Run'
podman network create "$network" >/dev/null
hardened=(--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --stop-timeout 45 --network "$network")

# start NAME ALIAS PORT IMAGE WORDS…: prints how long it took until it was alive.
start() {
  local name=$1 alias=$2 image=$3 from
  shift 3
  from=$(now_ms)
  podman run --detach --name "$name" --network-alias "$alias" --publish 127.0.0.1::8080 \
    "${hardened[@]}" ${run_options[@]+"${run_options[@]}"} "$image" "$@" >/dev/null
  eval "${alias//-/_}_url=http://$(podman port "$name" 8080/tcp | head -n 1)"
  local url=${alias//-/_}_url
  until_true 60 curl --fail --silent "${!url}/live" || { podman logs "$name" >&2; echo "Error: $name does not answer" >&2; exit 1; }
  printf '  %s alive after %d ms\n' "$alias" $(($(now_ms) - from))
}

start "$main" relay-main relay-main:latest -server -node-type main
start "$home" relay-home relay-home:latest blog.rl -node-type home -connect ws://relay-main:8080

call() {
  curl --silent --data '{"jsonrpc":"2.0","method":"blog_service.get_posts","id":1}' "$relay_main_url/rpc"
}
is_served() { call | grep -q '"result":\[{'; }
until_true 30 is_served || true
check 'the Home answers a call through the Main' yes "$(is_served && echo yes || call)"
check 'the Main has figures for Prometheus' 1 "$(curl --silent "$relay_main_url/metrics" | awk '/^relay_home_sessions /{print $2}')"
for name in "$main" "$home"; do
  id=$(podman top "$name" user 2>/dev/null | tail -n 1)
  check "$name does not run as root" relay "$id"
  podman exec "$name" node -e "require('fs').writeFileSync('/app/x', '')" >/dev/null 2>&1 && written=yes || written=no
  check "$name cannot write to its root file system" no "$written"
  podman healthcheck run "$name" >/dev/null 2>&1 && healthy=yes || healthy=no
  check "$name is well by its health check" yes "$healthy"
done

# Calls that go on while the Home stops: each has an answer, and those that were taken have their result.
(while :; do call; echo; done >"$work/answers" 2>/dev/null) &
load=$!
sleep 1
for name in "$home" "$main"; do
  from=$(now_ms)
  podman stop "$name" >/dev/null 2>&1
  took=$(($(now_ms) - from))
  check "$name ends with 0 by SIGTERM" 0 "$(podman inspect --format '{{.State.ExitCode}}' "$name")"
  check "$name says that it drained" yes "$(podman logs "$name" 2>&1 | grep -q 'Shutting down' && podman logs "$name" 2>&1 | grep -q 'Stopped' && echo yes || echo no)"
  printf '  %s stopped in %d ms\n' "$name" "$took"
done
kill "$load" 2>/dev/null || true
wait "$load" 2>/dev/null || true
check 'no call was left half done' 0 "$(grep -c '"executed":"unknown"' "$work/answers" || true)"
printf '  %d calls answered meanwhile\n' "$(grep -c '"result"' "$work/answers")"

if [ "$failures" -gt 0 ]; then echo "$failures checks failed"; exit 1; fi
echo 'All checks passed'
