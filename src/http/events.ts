/** The progress of a run as server-sent events (WHATWG HTML, section 9.2). */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { RunRecord } from "../repositories/run-log.ts";
import type { Env } from "./env.ts";
import { loggable } from "./log.ts";

/** How often the run is read. */
const LOOK_EVERY_MS = 250;
/** An unchanged run is sent again after this time, because proxies and Bun.serve cut silent connections. */
const SILENT_MS_MAX = 5_000;

interface Following {
  /** Reads the run again. */
  look(): Promise<RunRecord | undefined>;
  /** Ends the stream when it aborts. */
  stopped: AbortSignal;
  /** The data of an event. The default is the run as JSON. */
  render?(run: RunRecord): string | Promise<string>;
}

/**
 * Sends a `progress` event with the run whenever it has changed, then one `ended` event, and ends the stream. The run is read
 * from the database, so any process can follow any run. A slow client misses the states in between, so nothing piles up for it.
 * EventSource connects again after the end. It then sends the run's id as Last-Event-ID, and the answer 204 tells it to stop.
 * @param run the run in its present state
 */
export async function followRun(
  c: Context<Env>,
  run: RunRecord,
  { look, stopped, render = JSON.stringify }: Following,
): Promise<Response> {
  if (c.req.header("Last-Event-ID") === run.id) return c.body(null, 204);
  // Without this nginx would hold events back until it has a page of them.
  c.header("X-Accel-Buffering", "no");
  if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
  return streamSSE(c, async (stream) => {
    let told = "";
    let toldAt = 0;
    try {
      for (let now: RunRecord | undefined = run; now && !stream.aborted; now = await look()) {
        const data = await render(now);
        if (now.finished_at !== null) return await stream.writeSSE({ event: "ended", id: now.id, data });
        if (stopped.aborted) return;
        if (data !== told || performance.now() - toldAt > SILENT_MS_MAX) {
          await stream.writeSSE({ event: "progress", data });
          told = data;
          toldAt = performance.now();
        }
        await stream.sleep(LOOK_EVERY_MS);
      }
    } catch (error) {
      c.get("log").warn({ request: c.get("requestId"), error: loggable(error) }, "the events of a run broke off");
    }
  });
}
