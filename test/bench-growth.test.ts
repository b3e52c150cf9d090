import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";

afterAll(removeFolders);

const lineOf = (bench: string, server: string, rows: number, us_per_row: number) =>
  JSON.stringify({ bench, rows, ours_s: 1, us_per_row, rss_mb: 120, server });

test("the growth of each bench is drawn and printed, also if some rows were bad or a server lacks a bench", async () => {
  const lines = [
    lineOf("import", "MariaDB 10.11.19", 100_000, 6.24),
    lineOf("import", "MariaDB 10.11.19", 298_500, 5.51),
    lineOf("import", "MySQL 9.7.4", 100_000, 8),
    lineOf("import", "MySQL 9.7.4", 298_500, 7),
    lineOf("backup", "MariaDB 10.11.19", 100_000, 2),
    lineOf("backup", "MariaDB 10.11.19", 298_500, 1.5),
  ];
  const file = join(await folderOf({}), "growth.svg");
  const drawing = Bun.spawn([process.execPath, "scripts/bench/growth.ts", file], {
    cwd: ROOT,
    stdin: new Blob([lines.join("\n")]),
    stderr: "inherit",
  });
  const table = (await new Response(drawing.stdout).text()).split("\n");
  expect(await drawing.exited).toBe(0);
  expect(table.slice(0, 3)).toEqual([
    "| server | bench | 100,000 | 300,000 |",
    "|---|---|---|---|",
    "| MariaDB 10.11.19 | import | 6.2 (120) | 5.5 (120) |",
  ]);
  const svg = await Bun.file(file).text();
  expect(svg).not.toMatch(/null|NaN|undefined/);
  // The cheaper bench ends lower, so its label comes last.
  expect(svg.match(/>(import|backup)</g)).toEqual([">import<", ">backup<", ">import<"]);
});
