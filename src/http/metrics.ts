/** Measurements of this process in Prometheus' format (text format 0.0.4). */
import { prometheus } from "@hono/prometheus";
import type { Context } from "hono";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../db/database.ts";
import type { EndedRun } from "../db/ledger.ts";
import type { PoolState } from "../db/pool.ts";
import type { Env } from "./env.ts";

/** Seconds of a run, from an insert of a few rows to an import of an hour. */
const RUN_SECONDS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600];

/**
 * Measures requests by their route's pattern, never by their path; runs and rows when a run has ended; the pool and the
 * process when somebody asks. What other processes do, such as an import by command, is not in it.
 */
export function measured(database: Database) {
  const registry = new Registry();
  const { registerMetrics } = prometheus({ registry });
  countRuns(database, registry);
  watchPool(database, registry);
  let asked = false;
  return {
    /** Measures every request. */
    requests: registerMetrics,
    /** Answers what was measured. */
    async answer(c: Context<Env>) {
      // It keeps the event loop's time from here on, which nobody needs who never asks.
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
  const seconds = new Histogram({
    ...{
      name: "muster_run_seconds",
      help: "How long runs took",
      registers,
      labelNames: ["kind"],
      buckets: RUN_SECONDS,
    },
  });
  const rows = new Counter({
    ...{
      name: "muster_rows_total",
      help: "Rows by what became of them",
      registers,
      labelNames: ["kind", "table", "verdict"],
    },
  });
  database.ended.add(({ kind, status, counts, seconds: taken }: EndedRun) => {
    runs.inc({ kind, status });
    seconds.observe({ kind }, taken);
    for (const [table, { received, ...verdicts }] of Object.entries(counts)) {
      // A backup has no verdicts: its rows are received.
      const all: Record<string, number> = Object.keys(verdicts).length > 0 ? { ...verdicts } : { received };
      for (const [verdict, count] of Object.entries(all)) rows.inc({ kind, table, verdict }, count);
    }
  });
}

function watchPool({ pool }: Database, registry: Registry): void {
  const state = pool.pool as PoolState;
  new Gauge({
    ...{
      name: "muster_pool_connections",
      help: "Connections to the database",
      registers: [registry],
      labelNames: ["state"],
    },
    collect() {
      const idle = state._freeConnections.length;
      this.set({ state: "idle" }, idle);
      this.set({ state: "in_use" }, state._allConnections.length - idle);
    },
  });
  new Gauge({
    ...{ name: "muster_pool_waiting", help: "Requests that wait for a connection", registers: [registry] },
    collect() {
      this.set(state._connectionQueue.length);
    },
  });
}
