/** A run while it is under way, as server-sent events (WHATWG HTML, section 9.2). */
import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { RunRecord } from "../repositories/run-log.ts";
import type { Env } from "./env.ts";
import { loggable } from "./log.ts";

/** The run is looked at this often. */
const LOOK_EVERY_MS = 250;
/** What has not changed is said again after so long: proxies, and Bun.serve, cut what is silent. */
const SILENT_MS_MAX = 5_000;

/**
 * Answers an event `progress` with the run each time that it has changed, and the event `ended` with the run that has
 * ended; then the stream ends. Whichever process has the run, its row tells. What a slow client has not taken is not
 * piled up: it misses what was in between. A client that comes back, as EventSource does when the stream has ended, and has
 * seen the end already is told by 204 to stop.
 * @param run as it is now
 * @param look how it is later
 */
export async function followRun(
  c: Context<Env>,
  run: RunRecord,
  look: () => Promise<RunRecord | undefined>,
  stopped: AbortSignal,
): Promise<Response> {
  if (c.req.header("Last-Event-ID") === run.id) return c.body(null, 204);
  // nginx would keep events until it has a page of them.
  c.header("X-Accel-Buffering", "no");
  if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
  return streamSSE(c, async (stream) => {
    try {
      await tell(stream, run, look, stopped);
    } catch (error) {
      c.get("log").warn({ request: c.get("requestId"), error: loggable(error) }, "the events of a run broke off");
    }
  });
}

async function tell(
  stream: SSEStreamingApi,
  first: RunRecord,
  look: () => Promise<RunRecord | undefined>,
  stopped: AbortSignal,
): Promise<void> {
  let told = "";
  let toldAt = 0;
  for (let run: RunRecord | undefined = first; run && !stream.aborted; run = await look()) {
    const data = JSON.stringify(run);
    if (run.finished_at !== null) return stream.writeSSE({ event: "ended", id: run.id, data });
    if (stopped.aborted) return;
    if (data !== told || performance.now() - toldAt > SILENT_MS_MAX) {
      await stream.writeSSE({ event: "progress", data });
      told = data;
      toldAt = performance.now();
    }
    await stream.sleep(LOOK_EVERY_MS);
  }
}
