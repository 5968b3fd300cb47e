# Can be built with BuildKit (`docker build`) and with buildah. docs/docker.md explains its use, `npm run test:image` tests it.

# Has Node.js 24 or newer, npm and a shell. Its Node.js is copied into the final image.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
# Has the libraries that Node.js is linked to, glibc and libstdc++, in the same version as above or newer. Needs no shell.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS manifest
WORKDIR /build
COPY package.json package-lock.json ./

# The two secrets are files that npm may need: `ca` has certificates, `npmrc` a private registry. No layer contains them.
# Only the package `node` needs its install script, and the base image already has Node.js.
FROM manifest AS build
RUN --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY scripts scripts
COPY src src
RUN npm run build && find dist -name '*.d.ts' -delete

# /image has everything in the final image besides `dist`: Node.js, the production dependencies and the optional ones
# (tracing), without files that only compilers and debuggers read, and a link with which a mounted module, in any folder,
# can `import 'millrace'`.
FROM manifest AS production
COPY scripts/production.ts scripts/
RUN --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    mkdir /production && node scripts/production.ts /production && cd /production \
    && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier \
    && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.[cm]ts' -o -name '*.map' \) -delete \
    && mkdir -p /image/usr/local/bin /image/opt/millrace /image/node_modules /image/etc/millrace \
    && cp "$(node -p process.execPath)" /image/usr/local/bin/node \
    && cp -R /build/package.json node_modules /image/opt/millrace/ \
    && ln -s ../opt/millrace /image/node_modules/millrace
COPY LICENSE CHANGELOG.md /image/opt/millrace/

FROM ${RUNTIME_IMAGE}
# Layers that change least come first, so that a new version of only the service is a small layer.
COPY --from=production /image/usr /usr
COPY --from=production /image/opt /opt
COPY --from=production /image/node_modules /node_modules
COPY --from=production /image/etc/millrace /etc/millrace
COPY --from=build /build/dist /opt/millrace/dist

# In a container the service listens on all addresses; only published ports are reachable from outside.
# PATH is set so that hooks and probes find `node`, regardless of the base image.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    MILLRACE_SERVER_HOST=0.0.0.0 \
    MILLRACE_SERVER_ADMIN_HOST=0.0.0.0
# A number, so that Kubernetes can check that it is not root. The user owns no file in the image.
USER 65532:65532
# The folder where Millrace looks for millrace.yaml.
WORKDIR /etc/millrace
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/node", "-e", "require('node:http').get({ host: '127.0.0.1', port: process.env.MILLRACE_SERVER_ADMIN_PORT || 8081, path: '/readyz' }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/node", "/opt/millrace/dist/cli/main.js"]
CMD ["serve"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="millrace" \
      org.opencontainers.image.description="POST a stream of JSON lines and get each one back enriched by lookups against another system." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
