/** Metrics of this process for Prometheus (text format 0.0.4). */
import { prometheus } from "@hono/prometheus";
import type { Context } from "hono";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../db/database.ts";
import type { EndedRun } from "../db/ledger.ts";
import type { PoolState } from "../db/pool.ts";
import type { Env } from "./env.ts";

/** Buckets in seconds, from an insert of a few rows to an import of an hour. */
const RUN_SECONDS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600];

/**
 * Measures every request, by the pattern of its route. Runs and their rows are counted when a run ends. The pool and the
 * process are measured when metrics are requested. Other processes, such as an import by command, are not included.
 */
export function measured(database: Database) {
  const registry = new Registry();
  const { registerMetrics } = prometheus({ registry });
  countRuns(database, registry);
  watchPool(database, registry);
  let asked = false;
  return {
    /** Middleware that measures every request. */
    requests: registerMetrics,
    async answer(c: Context<Env>) {
      // Measuring the event loop costs time, so it begins with the first request for metrics.
      if (!asked) collectDefaultMetrics({ register: registry });
      asked = true;
      return c.text(await registry.metrics(), 200, { "Content-Type": registry.contentType });
    },
  };
}

function countRuns(database: Database, registry: Registry): void {
  const registers = [registry];
  const labelNames = ["kind", "status"];
  const runs = new Counter({ name: "muster_runs_total", help: "Runs that have ended", registers, labelNames });
  const histogram = { name: "muster_run_seconds", help: "How long runs took", labelNames: ["kind"] };
  const seconds = new Histogram({ ...histogram, buckets: RUN_SECONDS, registers });
  const counter = { name: "muster_rows_total", help: "Rows by verdict", labelNames: ["kind", "table", "verdict"] };
  const rows = new Counter({ ...counter, registers });
  database.ended.add(({ kind, status, counts, seconds: taken }: EndedRun) => {
    runs.inc({ kind, status });
    seconds.observe({ kind }, taken);
    for (const [table, { received, ...verdicts }] of Object.entries(counts)) {
      // A backup counts only received rows.
      const all: Record<string, number> = Object.keys(verdicts).length > 0 ? { ...verdicts } : { received };
      for (const [verdict, count] of Object.entries(all)) rows.inc({ kind, table, verdict }, count);
    }
  });
}

function watchPool({ pool }: Database, registry: Registry): void {
  const state = pool.pool as PoolState;
  const registers = [registry];
  const connections = { name: "muster_pool_connections", help: "Connections to the database", labelNames: ["state"] };
  new Gauge({
    ...{ ...connections, registers },
    collect() {
      const idle = state._freeConnections.length;
      this.set({ state: "idle" }, idle);
      this.set({ state: "in_use" }, state._allConnections.length - idle);
    },
  });
  new Gauge({
    ...{ name: "muster_pool_waiting", help: "Requests that wait for a connection", registers },
    collect() {
      this.set(state._connectionQueue.length);
    },
  });
}
