/** Rejected rows of files that were read by a recipe: their sheet, and their replay. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { csvLine } from "../src/codecs/csv.ts";
import { importSource } from "../src/ingest/import.ts";
import { replayOpen } from "../src/ingest/replay-batches.ts";
import { replayFile } from "../src/ingest/replay-file.ts";
import type { FileRecipe } from "../src/read/recipes/recipe.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const quiet = { msMax: 60_000, report: { say: () => {} } };

async function imported(name: string, text: string, recipe: FileRecipe): Promise<void> {
  const source = await folderOf({ [name]: text });
  await importSource(database, { source, recipe: { files: [recipe] }, report: quiet.report });
}

/** The rejections that are open, in their order. */
async function open() {
  const answer = await app.request("/rejections?state=open");
  const rejections = (await answer.json()) as Record<string, unknown>[];
  return rejections.sort((a, b) => Number(a.id) - Number(b.id));
}

const jobs = async () => (await database.pool.query("SELECT id, job FROM jobs ORDER BY id"))[0];
/** The sheet of open rejections as a spreadsheet program reads it. */
async function sheet(): Promise<Record<string, string>[]> {
  const answer = await app.request("/rejections?table=jobs&state=open&spreadsheet=true");
  return parse(Buffer.from(await answer.arrayBuffer()), { bom: true, columns: true });
}

const SEMICOLONS: FileRecipe = {
  delimiter: ";",
  columns: { Nr: "id", Puesto: "job" },
  ignore: ["x"],
  trailingColumn: true,
};

test("a row is replayed by the recipe of its file", async () => {
  await imported("jobs.csv", "Nr;x;Puesto\n1;a,b;Baker;\n2;;;\n3;y;Judge;z\n", SEMICOLONS);
  const [blank, late] = await open();
  expect(blank).toMatchObject({ raw: "2;;;", columns: ["id", "", "job", ""], recipe: SEMICOLONS });
  await replayOpen(database, { ...quiet, run: undefined });
  const again = await open();
  expect(again.map(({ raw, reasons }) => [raw, reasons])).toEqual(
    [blank, late].map((each) => [each?.raw, each?.reasons]),
  );
  const [{ id: first }, { id: second }] = again as [{ id: number }, { id: number }];
  const lines = csvLine(["id", "raw"]) + csvLine([first, "2;;Cook, fish;"]) + csvLine([second, "3;y;Judge;"]);
  await replayFile(database, { ...quiet, file: join(await folderOf({ "mended.csv": lines }), "mended.csv") });
  expect(await open()).toEqual([]);
  expect(await jobs()).toEqual([
    { id: 1, job: "Baker" },
    { id: 2, job: "Cook, fish" },
    { id: 3, job: "Judge" },
  ] as never);
});

test("a sheet shows the cells under the table's names, and is replayed without the file's delimiters", async () => {
  await imported("jobs.csv", "Nr;x;Puesto\n1;a;;\n", SEMICOLONS);
  await imported("jobs.ndjson", '{"Nr":2,"x":1,"Puesto":null}\n', {
    columns: { Nr: "id", Puesto: "job" },
    ignore: ["x"],
  });
  const rows = await sheet();
  expect(rows.map(({ id, job }) => [id, job]).sort()).toEqual([
    ["1", ""],
    ["2", ""],
  ]);
  const filled = [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values({ ...row, job: "Cook" }))]
    .map(csvLine)
    .join("");
  await replayFile(database, { ...quiet, file: join(await folderOf({ "sheet.csv": filled }), "sheet.csv") });
  expect(await open()).toEqual([]);
  expect(await jobs()).toEqual([
    { id: 1, job: "Cook" },
    { id: 2, job: "Cook" },
  ] as never);
});
