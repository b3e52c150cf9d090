/**
 * More writes than the service can do. It takes seconds; OVERLOAD=180 goes on for three minutes. Prints what was
 * measured.
 */
import { afterAll, expect, test } from "bun:test";
import { serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { withoutProc } from "./support/missing.ts";
import { select } from "./support/observe.ts";
import { onOneCore, peakMegabytes } from "./support/process.ts";
import { type Load, ROWS_PER_BATCH } from "./support/writers.ts";

const SECONDS = Number(process.env.OVERLOAD ?? 3);

const database = await freshDatabase();
afterAll(database.close);

test.skipIf(withoutProc !== "")(
  `of twice the writes that one core can do, for ${SECONDS} s, each is stored once or refused with 503${withoutProc}`,
  async () => {
    await database.pool.query(
      "INSERT INTO departments VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d'),(5,'e'),(6,'f'),(7,'g'),(8,'h'),(9,'i')",
    );
    await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");
    const { service, url, stop } = await serve({ DATABASE_URL: database.url });
    onOneCore(service.pid);
    const writers = Bun.spawn([process.execPath, "test/support/writers.ts", url, String(SECONDS)], {
      env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" },
    });
    const health: number[] = [];
    const watching = (async () => {
      while (writers.exitCode === null) {
        const began = performance.now();
        await (await fetch(`${url}healthz`)).arrayBuffer();
        health.push(performance.now() - began);
        await Promise.race([writers.exited, Bun.sleep(50)]);
      }
    })();
    const { capacity, offered, calm, loaded }: Load = JSON.parse(await new Response(writers.stdout).text());
    await watching;

    const answers = [...calm, ...loaded];
    const stored = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.length - stored.length).toBe(refused.length);
    expect(refused.filter(({ retryAfter }) => retryAfter === null)).toEqual([]);
    const found = await select(
      database.pool,
      "SELECT SUBSTRING_INDEX(name, ' ', 1) + 0 AS batch, COUNT(*) AS rows_found, COUNT(DISTINCT name) AS names FROM hired_employees GROUP BY batch ORDER BY batch",
    );
    const expected = stored.map(({ batch }) => batch).sort((a, b) => a - b);
    expect(found.map(({ batch, rows_found, names }) => [batch, rows_found, names])).toEqual(
      expected.map((batch) => [batch, ROWS_PER_BATCH, ROWS_PER_BATCH]),
    );
    console.log(
      JSON.stringify({
        ...{ capacity_a_s: round(capacity), offered_a_s: round(offered) },
        stored: loaded.filter(({ status }) => status === 201).length,
        stored_ms: spread(loaded.filter(({ status }) => status === 201)),
        refused: refused.length,
        ...(refused.length > 0 && { refused_ms: spread(refused) }),
        healthz_ms: spread(health.map((ms) => ({ ms }))),
        rss_mb: Math.round(peakMegabytes(service.pid)),
      }),
    );
    expect(peakMegabytes(service.pid)).toBeLessThan(500);
    expect(await stop()).toBe(0);
  },
);

const round = (value: number) => Math.round(value * 10) / 10;

function spread(answers: { ms: number }[]): Record<"p50" | "p99" | "max", number> {
  const sorted = answers.map(({ ms }) => Math.round(ms)).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
