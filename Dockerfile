# Builds with BuildKit (`docker build`) and with buildah. docs/docker.md says how it is used, `npm run test:image` tests it.

# Has Node.js 24 or newer, npm and a shell; its Node.js is the one that the image gets.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
# Has what Node.js is linked to, glibc and libstdc++, of the same system as above or a newer one. It needs no shell.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS manifest
WORKDIR /build
COPY package.json package-lock.json ./

# The two secrets are files that npm may need, and that no layer keeps: `ca` certificates, `npmrc` a registry of your own.
# No package here needs its install script but `node`, and Node.js is there.
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

# /image is what is put into the image besides `dist`: Node.js, the production dependencies and the optional ones (tracing) without
# what only compilers and debuggers read, and a link by which a module of yours, mounted anywhere, can `import 'millrace'`.
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
# What changes least comes first: a new version of the service alone is a small layer.
COPY --from=production /image/usr /usr
COPY --from=production /image/opt /opt
COPY --from=production /image/node_modules /node_modules
COPY --from=production /image/etc/millrace /etc/millrace
COPY --from=build /build/dist /opt/millrace/dist

# In a container the address to listen on is every one that it has; what is reached from outside is what is published.
# The path is for `node` in hooks and probes, whatever the base has.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    MILLRACE_SERVER_HOST=0.0.0.0 \
    MILLRACE_SERVER_ADMIN_HOST=0.0.0.0
# A number, so that Kubernetes can see that it is not root. Nothing in the image belongs to it.
USER 65532:65532
# Where millrace.yaml is looked for.
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
      org.opencontainers.image.description="POST a stream of JSON lines, get each back enriched by lookups against another system." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
