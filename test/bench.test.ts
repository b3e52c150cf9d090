import { afterAll, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { timedRowsOf } from "../scripts/bench/batches.ts";
import { alive } from "../src/embedded/server-process.ts";
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
  for (const { rivals, ...line } of lines) {
    expect([line.bench, line.server]).toEqual([line.bench, `${program.kind} ${program.version}`]);
    expect(line.rows).toBeWithin(290, 301);
    expect(line.ours_s).toBeGreaterThan(0);
    if (process.platform === "linux") expect(line.rss_mb).toBeWithin(30, 500);
    for (const rival of [line, ...rivals]) {
      if (/ is missing /.test(rival.peer)) continue;
      expect(rival.pairs).toEqual([rival.ratio]);
      if (process.platform === "linux")
        expect([rival.peer, rival.peer_rss_mb]).toEqual([rival.peer, expect.any(Number)]);
      // With so few rows the times are short, and they are rounded to a thousandth of a second.
      const { ours_s } = line;
      const peer_s = Math.max(rival.peer_s - ROUNDED_BY, 1e-6);
      expect(rival.ratio).toBeGreaterThan((ours_s - ROUNDED_BY) / (rival.peer_s + ROUNDED_BY) - ROUNDED_BY);
      expect(rival.ratio).toBeLessThan((ours_s + ROUNDED_BY) / peer_s + ROUNDED_BY);
    }
  }
});

test("alone, Muster is measured without peers, per row, whatever was stored before", async () => {
  const { code, stdout, stderr } = await run(
    [BENCH, "dialect", "reload", "--alone", "--rows", "300", ...options],
    environment,
  );
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  const [, line] = linesOf(stdout).map((each) => JSON.parse(each));
  expect(Object.keys(line)).toEqual(["bench", "rows", "ours_s", "us_per_row", "rss_mb", "server"]);
  expect(line.us_per_row).toBeCloseTo((line.ours_s * 1e6) / 300, -1);
});

test("the rows of an insert that are timed are those after the first third of the batches", () => {
  expect([300, 3_000, 298_500].map(timedRowsOf)).toEqual([300, 2_000, 199_500]);
});

test("peers that are not installed are reported as missing, and Muster is measured all the same", async () => {
  const alone = await folderOf({});
  symlinkSync(program.path, join(alone, "mysqld"));
  const { code, stdout } = await run([BENCH, "backup", "--rows", "300", ...options], {
    MUSTER_MYSQLD: join(alone, "mysqld"),
    PATH: alone,
  });
  const { rivals, ...line } = JSON.parse(stdout);
  expect([code, line]).toMatchObject([0, { bench: "backup", peer_s: null, ratio: null, pairs: [] }]);
  expect(line.peer).toMatch(/^(mariadb-dump or )?mysqldump is missing \(package [a-z-]+\)$/);
  expect(line.ours_s).toBeGreaterThan(0);
  expect(rivals.map(({ peer }: { peer: string }) => peer)).toEqual([
    "mydumper is missing (package mydumper)",
    "mydumper is missing (package mydumper)",
    expect.stringMatching(/^(mysqlsh|mariadb-shell) dump-tables is missing \(/),
  ]);
});

test("a peer that fails or leaves out rows is named at the end, and the others are measured", async () => {
  const path = await folderOf({
    mydumper: "#!/bin/sh\ncase $* in *--compress*) echo 'no server' >&2; exit 1;; esac\n",
  });
  chmodSync(join(path, "mydumper"), 0o755);
  const { code, stdout, stderr } = await run([BENCH, "backup", "--rows", "300", ...options], {
    ...environment,
    PATH: `${path}:${process.env.PATH}`,
  });
  const { rivals, ours_s } = JSON.parse(stdout);
  expect([code, ours_s]).toEqual([1, expect.any(Number)]);
  const [plain, compressed] = rivals.map(({ peer }: { peer: string }) => peer);
  expect(plain).toMatch(/^mydumper .* failed: the dump has 0 rows, not \d+$/);
  expect(compressed).toMatch(/^mydumper .* --compress failed: .* failed \(exit 1\): no server$/);
  expect(linesOf(stderr).at(-1)).toBe(`${plain}; ${compressed}`);
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
  expect(alive(pid)).toBe(false);
});

test("an unknown bench or option is refused in one line", async () => {
  const wrong = [["imports"], ["--rows", "0"], ["--pairs", "x"], ["--server", "oracle"], ["--fast"]];
  for (const words of wrong) {
    const { code, stdout, stderr } = await run([BENCH, ...words]);
    expect([words, code, stdout, linesOf(stderr).length]).toEqual([words, 2, "", 1]);
  }
});
