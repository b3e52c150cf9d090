/** Recipes: as a file that is named or lies beside the files, as flags, and as parameters of a request. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import Ajv from "ajv/dist/2020";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { importSource } from "../src/ingest/import.ts";
import { replayOpen } from "../src/ingest/replay-batches.ts";
import { parseRecipe } from "../src/read/recipes/recipe.ts";
import { putText } from "../src/s3/objects.ts";
import { appOver } from "./support/app.ts";
import { ROOT, run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { settingsFor, startS3 } from "./support/s3.ts";

const database = await freshDatabase();
const s3 = await startS3();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  s3.reset();
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Judge')");
});

/** Employees as an office in Bogotá exports them. The second has a day that does not exist, the third no department. */
const HIRES = Buffer.from(
  "exported by hr\r\nId;Empleado;Fecha;Depto;Cargo;Observaciones\r\n" +
    '1.001;"Muñoz; Ana";31/12/2021 21:30;1;2,0;-\r\n1.002;Bo;31/02/2021 09:00;2;1,0;-\r\n1.003;Cy;01/03/2021;n/a;1;-\r\n',
  "latin1",
);
const RECIPE = {
  ...{
    match: "hires-*.csv",
    table: "hired_employees",
    encoding: "windows-1252",
    delimiter: ";",
    skip: 1,
    null: ["n/a"],
  },
  columns: { Empleado: "name", Fecha: "datetime", Depto: "department_id", Cargo: "job_id", Id: "id" },
  ...{ ignore: ["Observaciones"], decimal: ",", group: ".", wholeDecimals: true },
  datetime: { formats: ["dd/MM/yyyy HH:mm", "dd/MM/yyyy"], zone: "America/Bogota" },
};
const FLAGS = [
  ...["--encoding", "windows-1252", "--delimiter", ";", "--skip", "1", "--null", "n/a", "--ignore", "Observaciones"],
  ...["--columns", "Empleado=name,Fecha=datetime,Depto=department_id,Cargo=job_id,Id=id"],
  ...["--decimal", ",", "--group", ".", "--whole-decimals"],
  ...["--datetime", "dd/MM/yyyy HH:mm|dd/MM/yyyy", "--zone", "America/Bogota"],
];
const recipeFile = JSON.stringify({ files: [RECIPE] });
const command = (...args: string[]) => run(["scripts/import.ts", ...args], { DATABASE_URL: database.url });
const stored = async (): Promise<unknown> =>
  (await database.pool.query({ sql: "SELECT * FROM hired_employees ORDER BY id", rowsAsArray: true }))[0];
interface Listed {
  raw: string;
  recipe: object;
  reasons: object[];
}
const open = async () => (await (await app.request("/rejections?state=open")).json()) as Listed[];
const ANA = [1001, "Muñoz; Ana", "2022-01-01 02:30:00.000", 1, 2];

test("a recipe beside the files is used, and named", async () => {
  const folder = await folderOf({ "hires-2021.csv": HIRES, "muster.recipe.json": recipeFile });
  const { code, stdout, stderr } = await command(folder);
  expect([code, await stored()]).toEqual([0, [ANA]]);
  expect(stdout + stderr).toContain("muster.recipe.json");
  expect(stdout + stderr).not.toContain("Skipped muster.recipe.json");
});

test("a recipe beside the objects of a prefix is used", async () => {
  const location = s3.locate("hr/");
  await putText(location, "hires-1.csv", "");
  await putText(location, "jobs.csv", "9;Pilot\n");
  await putText(location, "muster.recipe.json", JSON.stringify({ files: [{ match: "jobs.csv", delimiter: ";" }] }));
  const said: string[] = [];
  const report = { say: (line: string) => void said.push(line) };
  const { tables } = await importSource(database, { source: `${location}`, s3: settingsFor(s3.endpoint), report });
  expect(tables.jobs).toMatchObject({ inserted: 1, rejected: 0 });
  expect(said).toContainEqual(expect.stringContaining("muster.recipe.json"));
});

test("--recipe names another recipe, and flags win over it", async () => {
  const folder = await folderOf({ "hires-a.csv": HIRES, "other.json": recipeFile.replace("windows-1252", "ibm866") });
  const recipe = ["--recipe", join(folder, "other.json"), "--encoding", "windows-1252"];
  expect((await command(join(folder, "hires-a.csv"), ...recipe)).code).toBe(0);
  expect(await stored()).toEqual([ANA]);
});

test("the flags alone read the file", async () => {
  const folder = await folderOf({ "hires.csv": HIRES });
  const { code, stderr } = await command(join(folder, "hires.csv"), "--table", "hired_employees", ...FLAGS);
  expect([code, await stored()]).toEqual([0, [ANA]]);
  expect(stderr).toContain("31/02/2021");
});

test("a rejected row keeps the recipe of its file: it is replayed by it, as it came and corrected", async () => {
  const folder = await folderOf({ "hires.csv": HIRES, "muster.recipe.json": recipeFile.replace("hires-*", "hires*") });
  await importSource(database, { source: folder, report: { say() {} } });
  const [bo, cy] = await open();
  expect(bo).toMatchObject({ raw: "1.002;Bo;31/02/2021 09:00;2;1,0;-", recipe: { delimiter: ";", group: "." } });
  expect(bo?.recipe).not.toHaveProperty("encoding");
  await replayOpen(database, { run: undefined, msMax: 60_000, report: { say() {} } });
  expect((await open()).map(({ reasons }) => reasons)).toEqual([bo?.reasons ?? [], cy?.reasons ?? []]);

  const sheet = await (
    await app.request("/rejections?table=hired_employees&state=open&spreadsheet=true", {
      headers: { Accept: "text/csv" },
    })
  ).text();
  expect(sheet).toContain(",1.002,Bo,31/02/2021 09:00,2,");
  const mended = sheet.replace("Bo,31/02/2021", "Bo,28/02/2021").replace("01/03/2021,,", "01/03/2021,2,");
  const file = join(await folderOf({ "mended.csv": mended }), "mended.csv");
  const { code } = await run(["scripts/replay.ts", file], { DATABASE_URL: database.url });
  expect(code).toBe(0);
  expect(await stored()).toEqual([
    ANA,
    [1002, "Bo", "2021-02-28 14:00:00.000", 2, 1],
    [1003, "Cy", "2021-03-01 05:00:00.000", 2, 1],
  ]);
});

test("a request gives the same parts as parameters", async () => {
  const query = new URLSearchParams({
    ...{
      table: "hired_employees",
      encoding: "windows-1252",
      delimiter: ";",
      skip: "1",
      null: "n/a",
      group: ".",
      decimal: ",",
    },
    ...{ columns: "Empleado=name,Fecha=datetime,Depto=department_id,Cargo=job_id,Id=id", ignore: "Observaciones" },
    ...{ whole_decimals: "true", datetime: "dd/MM/yyyy HH:mm|dd/MM/yyyy", zone: "America/Bogota" },
  });
  const headers = { "Content-Type": "text/csv" };
  const answer = await app.request(`/imports?${query}`, { method: "POST", body: HIRES, headers });
  const { id } = (await answer.json()) as { id: string };
  await until(async () => (await (await app.request(`/runs/${id}`)).text()).includes("succeeded"));
  expect(await stored()).toEqual([ANA]);
});

test("a batch in CSV takes the parameters too", async () => {
  const answer = await app.request("/jobs?delimiter=tab&header=no", {
    ...{ method: "POST", body: "7\tPilot, senior\n", headers: { "Content-Type": "text/csv" } },
  });
  expect(answer.status).toBe(201);
  const [rows]: unknown[] = await database.pool.query("SELECT job FROM jobs WHERE id = 7");
  expect(rows).toEqual([{ job: "Pilot, senior" }]);
});

test.each([
  ["delimiter=%3B%3B", "delimiter must be one ASCII character that is no letter or digit, or tab"],
  ["skip=-1&header=maybe", "skip must be"],
  ["whole_decimals=yes", "whole_decimals must be true or false"],
  ["no_such=1", '"no_such" is not known'],
])("the query %s is refused with 400", async (query, detail) => {
  const answer = await app.request(`/jobs?${query}`, {
    method: "POST",
    body: "7,Pilot\n",
    headers: { "Content-Type": "text/csv" },
  });
  expect(answer.status).toBe(400);
  expect(((await answer.json()) as { detail: string }).detail).toContain(detail);
});

test.each([
  ["{", "is not JSON"],
  ["{}", "/files "],
  [
    '{"files": [{"delimiter": ";;"}]}',
    "/files/0/delimiter must be one ASCII character that is no letter or digit, or tab",
  ],
  ['{"files": [{"delimitr": ";"}]}', "delimitr"],
  ['{"files": [{"datetime": {"formats": []}}]}', "/files/0/datetime/formats"],
])("the recipe %s is refused before anything is read, and the message points to the mistake", async (text, why) => {
  const folder = await folderOf({ "jobs.csv": "7,Pilot\n", "muster.recipe.json": text });
  const { code, stderr } = await command(folder);
  expect(code).toBe(2);
  expect(stderr.trim().split("\n").at(-1)).toContain(why);
  expect(stderr).not.toContain("    at ");
});

test("the JSON Schema accepts what a recipe may be, and refuses what it may not", async () => {
  const validate = new Ajv({ strict: false }).compile(await Bun.file(join(ROOT, "docs/recipe.schema.json")).json());
  expect(validate({ $schema: "recipe.schema.json", files: [RECIPE] })).toBe(true);
  expect(validate({ files: [{ delimitr: ";" }] })).toBe(false);
  expect(validate({ files: [{ header: "yes" }] })).toBe(false);
  expect(parseRecipe(recipeFile, "it").files).toHaveLength(1);
});
