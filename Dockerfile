# Images of Relay: `relay-main` and `relay-home`. Both contain the whole command; they differ in what they start without arguments.
#
#   docker build --target relay-main -t relay-main .
#   docker build --target relay-home -t relay-home .
#
# Pin NODE_IMAGE by digest for images that others run. It needs Node.js 24.12 or newer and npm.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

# ---- what npm installs

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/language/package.json packages/language/
COPY packages/host/package.json packages/host/
COPY packages/federation/package.json packages/federation/
COPY packages/client/package.json packages/client/
COPY packages/cli/package.json packages/cli/
# The optional dependencies are Node.js itself, which the image has already.
RUN npm install --omit=dev --omit=optional --ignore-scripts --no-save --no-audit --no-fund

# ---- Node.js and the libraries that it loads, nothing else: no shell, no package manager

FROM ${NODE_IMAGE} AS system
RUN command -v strip >/dev/null || { apt-get update -qq && apt-get install -qq --no-install-recommends binutils >/dev/null; }
RUN set -eu; mkdir -p /system/usr/local/bin /system/etc/ssl/certs /system/app/.cache /system/data /system/programs; mkdir -m 1777 /system/tmp; \
    node=$(readlink -f "$(command -v node)"); \
    ldd "$node" | grep -o '/[^ ]*' | while read -r library; do \
      mkdir -p "/system$(dirname "$library")"; cp -L "$library" "/system$library"; \
    done; \
    strip -o /system/usr/local/bin/node "$node"; \
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then cp /etc/ssl/certs/ca-certificates.crt /system/etc/ssl/certs/; fi; \
    echo 'relay:x:10001:10001::/data:/' >/system/etc/passwd; \
    chown 10001:10001 /system/app/.cache /system/data

# ---- the command

FROM scratch AS relay
COPY --from=system /system /
ENV PATH=/usr/local/bin
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY packages packages
COPY examples examples
# Nodes of an image are reached from outside their container, keep what they have to keep in one place, and log for machines.
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.cache \
    NODE_NO_WARNINGS=1 \
    RELAY_HOME=/app \
    RELAY_HOST=0.0.0.0 \
    RELAY_PORT=8080 \
    RELAY_DATA_DIR=/data \
    RELAY_LOG_FORMAT=json
USER 10001:10001
# A Main with a program is started and stopped here, so that what Node.js compiles is there at the first start. Node.js keeps it by user and
# flags, so both are those of the nodes; what the node itself keeps goes.
RUN ["node", "-e", "const folder = '/tmp/first'; const node = child_process.spawn(process.execPath, ['--conditions=relay-source', '--disable-proto=throw', '--max-old-space-size-percentage=75', 'packages/cli/src/main.ts', 'examples/blog.rl', '-server', '-node-type', 'main'], { env: { ...process.env, RELAY_DATA_DIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] }); node.stdout.on('data', (text) => { process.stdout.write(text); if (String(text).includes('Press Ctrl+C')) node.kill(); }); node.on('exit', (code) => { fs.rmSync(folder, { recursive: true }); process.exit(code ?? 1); })"]
WORKDIR /programs
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# The event loop only: a node whose Main or peers are away is alive.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.RELAY_PORT || 8080) + '/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--conditions=relay-source", "--disable-proto=throw", "--max-old-space-size-percentage=75", "/app/packages/cli/src/main.ts"]

FROM relay AS relay-main
CMD ["-server", "-node-type", "main"]

FROM relay AS relay-home
CMD ["-help"]
