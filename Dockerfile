# The service without a database: set DATABASE_URL and API_TOKENS (docs/operating.md "Containers").
FROM oven/bun:1.4.5-slim AS dependencies
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production

FROM oven/bun:1.4.5-slim
ARG COMMIT=""
LABEL org.opencontainers.image.revision="$COMMIT"
WORKDIR /app
# Nothing is written to /app, so the root file system may be read-only. /tmp must be writable; backups go to /backups.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 BACKUP_STORE=/backups
RUN mkdir /backups && chown bun:bun /backups
VOLUME /backups
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY drizzle drizzle
COPY scripts scripts
COPY src src
USER bun
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT}/healthz`)).ok ? 0 : 1)"]
CMD ["bun", "src/main.ts"]
