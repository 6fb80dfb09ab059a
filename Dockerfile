# The programs of Herald as images that hold no more than they run:
#
#   docker build --target elector     -t herald/elector .
#   docker build --target gossip-node -t herald/gossip-node .
#   docker build --target cli         -t herald/cli .
#   docker build --target authority   -t herald/authority .
#
# They share every layer but their entry point. The classic builder of old engines suffices, so there are
# no cache mounts here. NODE_IMAGE is any image with Node 20.19 or newer, npm and a shell.
ARG NODE_IMAGE=node:24-bookworm-slim

# What decides which dependencies are installed and nothing else, so that a change of a source does not
# install them anew. Found rather than listed: a new workspace needs no line here.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /herald
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete

# What runs. No dependency's install script is run, here or below (docs/adr/0001-dependencies.md).
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /herald
COPY --from=manifests /herald .
RUN npm ci --ignore-scripts --omit=dev \
      --workspace @herald/elector --workspace @herald/gossip-node --workspace @herald/cli \
      --workspace @herald/authority

FROM ${NODE_IMAGE} AS build
WORKDIR /herald
COPY --from=manifests /herald .
RUN npm ci --ignore-scripts --include=dev --include-workspace-root \
      --workspace @herald/elector --workspace @herald/gossip-node --workspace @herald/cli \
      --workspace @herald/authority
COPY . .
RUN npm run generate \
 && npx tsc -b services/elector services/gossip-node packages/cli packages/authority \
 && chmod +x services/*/dist/main.js packages/cli/dist/main.js packages/authority/dist/main.js \
 && rm -rf packages/*/src services/*/src services/elector/dist/testing packages/wire/dist/test-support \
 && find packages services -type f \
      ! -name '*.js' ! -name '*.proto' ! -name '*.bin' ! -name package.json -delete \
 && find packages services -type d -empty -delete

FROM ${NODE_IMAGE} AS herald
WORKDIR /herald
ENV NODE_ENV=production
COPY --from=dependencies /herald/node_modules node_modules
COPY --from=build /herald/packages packages
COPY --from=build /herald/services services
COPY docker/is-ready.mjs ./
RUN ln -s /herald/services/elector/dist/main.js /usr/local/bin/herald-elector \
 && ln -s /herald/services/gossip-node/dist/main.js /usr/local/bin/herald-gossip-node \
 && ln -s /herald/packages/cli/dist/main.js /usr/local/bin/herald \
 && ln -s /herald/packages/authority/dist/main.js /usr/local/bin/herald-authority \
# Where a volume with keys is mounted: an empty one takes its owner from here, whoever mounts it first.
 && install --directory --owner 1000 --group 1000 --mode 0700 /keys
# A number, by which an orchestrator can tell that it is not root. Nothing is ever written to a file.
USER 1000:1000

FROM herald AS cli
ENTRYPOINT ["herald"]

# Writes what each service of docker-compose.yml proves itself with into that service's own volume. They are
# mounted here side by side; a new volume belongs to whom the place belongs to where it is mounted first.
FROM herald AS authority
USER root
RUN cd /keys && mkdir authority node client operator \
      elector-1 elector-2 elector-3 etcd-1 etcd-2 etcd-3 \
 && chown 1000:1000 * && chmod 0700 *
USER 1000:1000
ENTRYPOINT ["herald-authority", "--out", "/keys"]

# A check starts a Node for a moment, which costs more than the process that it looks at takes in seconds:
# fifty containers that were checked every ten seconds kept two cores busy.
FROM herald AS elector
ENV HERALD_LISTEN=0.0.0.0:7400 HERALD_OPS_LISTEN=0.0.0.0:9400 HERALD_ADVERTISE=own-address:7400
EXPOSE 7400 9400
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["node", "/herald/is-ready.mjs"]
ENTRYPOINT ["herald-elector"]

FROM herald AS gossip-node
ENV HERALD_LISTEN=0.0.0.0:7410 HERALD_OPS_LISTEN=0.0.0.0:9410 HERALD_ADVERTISE=own-address:7410
EXPOSE 7410 9410
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["node", "/herald/is-ready.mjs"]
ENTRYPOINT ["herald-gossip-node"]
