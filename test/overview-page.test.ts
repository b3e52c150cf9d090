/** The overview: what is stored, what the last runs did, what is open, and whether all is well. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { countTableRows } from "../src/repositories/row-counts.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { holdReads, until } from "./support/observe.ts";
import { faultsOf, type Person, personAt, settledWith } from "./support/person.ts";

const database = await freshDatabase();
const tokens = readTokens("reader:read-me,writer:write-me,admin:rule-me");
const store = new DirectoryStore(await folderOf({}));
const guarded = appOver(database, { tokens, store });
const local = appOver(database, { store });
const open: Person[] = [];
afterAll(async () => {
  for (const person of open) await person.close();
  await database.close();
  await removeFolders();
});

const NAME = "<script>alert(1)</script>";
const ROWS = {
  departments: [{ id: 1, department: "Sales" }],
  jobs: [{ id: 1, job: "Clerk" }, { job: "" }, { job: "Cook", [NAME]: 1 }],
};
beforeEach(async () => {
  await database.empty();
  await local.request("/insert", posted(ROWS));
});

/** The words of the page, without its tags. */
async function words(app = local, headers: Record<string, string> = {}): Promise<string> {
  const answer = await app.request("/", { headers });
  expect(answer.status).toBe(200);
  return (await answer.text()).replaceAll(/<[^>]*>|\s+/g, " ").replaceAll(/ +/g, " ");
}
const importOf = async (files: Record<string, string>, dryRun = false) =>
  importSource(database, { source: await folderOf(files), dryRun, report: { say() {} } });

test("the overview says what is stored, what the last runs did, and what is open by cause", async () => {
  await importOf({ "departments.csv": "8,Legal\n" }, true);
  await importOf({ "jobs.csv": "80,\n" });
  const text = await words();
  for (const part of [
    ...["departments 1 jobs 1 hired_employees 0", "3 open Cause and table Rows missing: job jobs 2 unknown_field:"],
    ...["Dry run of an import", "succeeded nothing was stored 1 withheld", "every row of jobs was rejected"],
    ...["2 inserted 2 rejected", "There is no backup yet.", "up to date", "all that Muster does", "Hires in 2021"],
  ])
    expect(text).toContain(part);
});

test("the account of a run adds up from left to right, also that of a dry run, which links to no rejections", async () => {
  const { run } = await importOf({ "departments.csv": "8,Legal\n", "jobs.csv": "80,\n" }, true);
  const text = await (await local.request(`/page/runs/${run}`)).text();
  const heads = [...text.matchAll(/<th scope="col"[^>]*>([^<]*)/g)].map(([, head]) => head);
  expect(heads.slice(0, 6)).toEqual(["Table", "Received", "= Inserted", "+ Unchanged", "+ Rejected", "+ Withheld"]);
  expect(text).toContain("A dry run: nothing was stored.");
  expect(text).not.toContain("page/rejections?run");
});

test("an empty database gets the first steps", async () => {
  expect(await words()).not.toContain("npm run import");
  await database.empty();
  const text = await words();
  for (const step of ["npm run import --", "curl http://localhost/departments", "No runs yet", "No open rejections"])
    expect(text).toContain(step);
  const reader = await words(guarded, { Authorization: "Bearer read-me" });
  expect(reader).toContain("curl -H 'Authorization: Bearer TOKEN' ADDRESS/departments".replaceAll("'", "&#39;"));
  expect(reader).not.toContain("Load a file");
});

test("the newest backup is shown with its proof, and only admins get to it", async () => {
  await local.request("/backup", posted({ table: ["departments", "jobs"] }));
  expect(await words()).toContain("not proven Holds departments 1");
  const reader = await (await guarded.request("/", { headers: { Authorization: "Bearer read-me" } })).text();
  expect(reader).toContain("not proven");
  expect(reader).not.toMatch(/page\/backups|Holds/);
});

test("a store of backups that fails, or does not answer, leaves the rest of the page", async () => {
  const fails = Object.assign(new DirectoryStore("/"), { ids: () => Promise.reject(new Error("secret path")) });
  const hangs = Object.assign(new DirectoryStore("/"), { ids: () => new Promise<never>(() => {}) });
  for (const broken of [fails, hangs]) {
    const text = await words(appOver(database, { store: broken }));
    for (const part of ["Not available now: the store of the backups", "jobs 1", "2 open"])
      expect(text).toContain(part);
    expect(text).not.toContain("secret");
  }
});

test("a large table is counted up to a limit, and estimated above it", async () => {
  const values = Array.from({ length: 5000 }, (_, index) => `(${index + 10}, 'job ${index}')`).join();
  await database.pool.query(`INSERT INTO jobs (id, job) VALUES ${values}`);
  await database.pool.query("ANALYZE TABLE jobs");
  const [, jobs] = await countTableRows(database, ["departments", "jobs"], 1000);
  expect(jobs?.is).toBe("about");
  expect(Math.abs((jobs?.rows ?? 0) - 5001)).toBeLessThan(2500);
  expect(await countTableRows(database, ["departments", "jobs"], 10_000)).toEqual([
    { table: "departments", rows: 1, is: "exact" },
    { table: "jobs", rows: 5001, is: "exact" },
  ]);
});

test("the overview shows the other parts if one takes too long, and is 503 if all do", async () => {
  const releases = [await holdReads(database, "departments")];
  // The count waits for the table. The limit is the time that this machine takes for the other parts.
  let page = 100;
  const [answer, text] = await until(async () => {
    page *= 2;
    const answer = await appOver(database, { answerMsMax: { page }, store }).request("/");
    const text = await answer.text();
    return !text.includes("Not available now") && text.includes("cannot be counted now") && ([answer, text] as const);
  });
  expect(answer.status).toBe(200);
  for (const part of ["POST /insert", "missing: job"]) expect(text).toContain(part);
  for (const table of ["muster_runs", "muster_rejections"]) releases.push(await holdReads(database, table));
  expect((await appOver(database, { answerMsMax: { page }, store }).request("/")).status).toBe(503);
  for (const release of releases) await release();
});

test("the overview is an HTML document that no browser caches, and that runs only the scripts of this service", async () => {
  const answer = await local.request("/", { headers: { Accept: "text/html,*/*;q=0.8" } });
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/html; charset=UTF-8"]);
  expect(answer.headers.get("Cache-Control")).toBe("no-store");
  expect(answer.headers.get("Content-Security-Policy")).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'; .*form-action 'self'/,
  );
  expect((await local.request("/", { headers: { Accept: "application/json" } })).status).toBe(406);
  const head = await local.request("/", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test.skipIf(withoutChromium !== "").each([true, false])(
  `a person signs in, sees the overview, opens a run, comes back and signs out (JavaScript: %p)${withoutChromium}`,
  async (javaScriptEnabled) => {
    const person = await personAt(guarded, { prefix: "/muster", javaScriptEnabled });
    open.push(person);
    const { page, root } = person;
    const isWell = async () => javaScriptEnabled && expect(await faultsOf(person)).toEqual([]);
    await page.goto(root);
    await person.signIn("wrong");
    await page.getByRole("alert").getByText("This token is not known.").waitFor();
    person.complaints(); // the browser itself complains about the status
    await person.signIn("write-me");
    await page.getByText("Signed in as writer").waitFor();
    expect(page.url()).toBe(root);
    await page.getByRole("link", { name: `unknown_field: ${NAME}` }).waitFor();
    await isWell();
    await page.getByRole("link", { name: "Insert" }).click();
    await settledWith(page.getByRole("heading", { name: "Insert" }));
    const jobs = page.getByRole("row", { name: /^jobs/ }).getByRole("cell");
    expect(await jobs.allTextContents()).toEqual(["3", "1", "0", "2", "0", "1 inserted2 rejected"]);
    await isWell();
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    expect(person.complaints()).toEqual([]);
  },
);
