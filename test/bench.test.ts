import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { run, start } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { program } from "./support/server.ts";

const BENCH = "scripts/bench/bench.ts";
const options = ["--pairs", "1", "--server", program.kind.toLowerCase()];
const environment = { MUSTER_MYSQLD: program.path };

afterAll(removeFolders);

const ROUNDED_BY = 0.000_6;

const linesOf = (text: string) => text.trimEnd().split("\n");

test("each bench prints a line of JSON with the time of both sides and their ratio", async () => {
  const { code, stdout, stderr } = await run([BENCH, "--rows", "300", ...options], environment);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  const lines = linesOf(stdout).map((line) => JSON.parse(line));
  const names = lines.map(({ bench }) => bench);
  expect(names).toEqual(["import", "reload", "dialect", "backup", "restore", "insert", "read", "report"]);
  for (const { bench, rows, ours_s, peer, peer_s, ratio, rss_mb, server, pairs } of lines) {
    expect([bench, server]).toEqual([bench, `${program.kind} ${program.version}`]);
    expect(rows).toBeWithin(290, 301);
    expect(ours_s).toBeGreaterThan(0);
    if (process.platform === "linux") expect(rss_mb).toBeWithin(30, 500);
    if (/ is missing /.test(peer)) continue;
    // With so few rows the times are short, and they are rounded to a thousandth of a second.
    expect(ratio).toBeGreaterThan((ours_s - ROUNDED_BY) / (peer_s + ROUNDED_BY) - ROUNDED_BY);
    expect(ratio).toBeLessThan((ours_s + ROUNDED_BY) / (peer_s - ROUNDED_BY) + ROUNDED_BY);
    expect(pairs).toEqual([ratio]);
  }
});

test("a peer that is not installed is reported as missing, and Muster is measured all the same", async () => {
  const alone = await folderOf({});
  symlinkSync(program.path, join(alone, "mysqld"));
  const { code, stdout } = await run([BENCH, "backup", "--rows", "300", ...options], {
    MUSTER_MYSQLD: join(alone, "mysqld"),
    PATH: alone,
  });
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { bench: "backup", peer_s: null, ratio: null, pairs: [] }]);
  expect(JSON.parse(stdout).peer).toMatch(/^(mariadb-dump or )?mysqldump is missing \(package [a-z-]+\)$/);
  expect(JSON.parse(stdout).ours_s).toBeGreaterThan(0);
});

test("Ctrl-C ends the bench with code 130 and removes its server and data", async () => {
  const temporary = await folderOf({});
  const bench = start([BENCH, "import", "--rows", "100000", ...options], { ...environment, TMPDIR: temporary });
  const found = (name: RegExp) =>
    until(() => readdirSync(temporary, { recursive: true, encoding: "utf8" }).find((path) => name.test(path)));
  await found(/stage_/); // so it imports
  const { pid } = JSON.parse(readFileSync(join(temporary, await found(/mysql.muster\.json$/)), "utf8"));
  bench.kill("SIGINT");
  expect(await bench.exited).toBe(130);
  expect(linesOf(await new Response(bench.stderr).text()).at(-1)).toBe("interrupted");
  expect(readdirSync(temporary)).toEqual([]);
  expect(() => process.kill(pid, 0)).toThrow();
});

test("an unknown bench or option is refused in one line", async () => {
  const wrong = [["imports"], ["--rows", "0"], ["--pairs", "x"], ["--server", "oracle"], ["--fast"]];
  for (const words of wrong) {
    const { code, stdout, stderr } = await run([BENCH, ...words]);
    expect([words, code, stdout, linesOf(stderr).length]).toEqual([words, 2, "", 1]);
  }
});
