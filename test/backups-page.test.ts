/** The backups' pages, as a person uses them in a browser. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { backup } from "../src/backups/backup.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { MusterError } from "../src/errors.ts";
import { readTokens } from "../src/http/auth.ts";
import { WorkUnderWay } from "../src/http/under-way.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { GATES, hold, until } from "./support/observe.ts";
import { faultsOf, type Person, personAt } from "./support/person.ts";

const database = await freshDatabase();
const folder = await folderOf({});
const store = new DirectoryStore(folder);
const work = new WorkUnderWay();
const tokens = readTokens("reader:read-me,writer:write-me,admin:rule-me");
const app = appOver(database, { store, tokens, work });
const open: Person[] = [];
afterAll(async () => {
  for (const person of open) await person.close();
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  await database.empty();
  await database.pool.query("INSERT INTO departments VALUES (1, 'Sales'), (2, 'Legal')");
  await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (2, 'Cook')");
});

async function personWith(token: string, options: { javaScriptEnabled?: boolean } = {}): Promise<Person> {
  const person = await personAt(app, { prefix: "/muster", acceptDownloads: true, ...options });
  open.push(person);
  await person.page.goto(`${person.root}page/backups`);
  await person.signIn(token);
  return person;
}

/** Waits until the run whose page is shown has ended. */
async function endOfRun({ page }: Person) {
  await page.waitForURL(/\/page\/runs\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").at(-1);
  return until(async () => {
    const [run] = await listRuns(database.db, { limit: 1 });
    return run?.id === id && run?.finished_at !== null && run;
  });
}

const jobs = async (): Promise<unknown> => (await database.pool.query("SELECT id, job FROM jobs ORDER BY id"))[0];
const AS_BACKED_UP = [
  { id: 1, job: "Clerk" },
  { id: 2, job: "Cook" },
];

test.skipIf(withoutChromium !== "")(
  `an admin makes a backup, downloads a file, proves it, plans a restore, confirms it, and sees its account${withoutChromium}`,
  async () => {
    const person = await personWith("rule-me");
    const { page, root } = person;
    await page.getByRole("cell", { name: "No backup yet" }).waitFor();
    expect(await faultsOf(person)).toEqual([]);

    await page.getByLabel("hired_employees").uncheck();
    await page.getByRole("button", { name: "Back up" }).click();
    const made = await endOfRun(person);
    expect(made).toMatchObject({ kind: "backup", status: "succeeded", counts: { jobs: { received: 2 } } });
    await page.getByRole("table", { name: "The rows of each table" }).waitFor();
    await page.getByRole("columnheader", { name: "In the backup" }).waitFor();
    await page.goto(`${root}page/backups`);
    await page.getByRole("cell", { name: "departments 2, jobs 2" }).waitFor();
    await page.getByRole("cell", { name: "not proven" }).waitFor();
    expect(await faultsOf(person)).toEqual([]);

    await page.getByRole("rowheader").getByRole("link").click();
    await page.getByRole("heading", { name: /^Backup of 20/ }).waitFor();
    expect(await faultsOf(person)).toEqual([]);
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: "jobs.avro" }).click();
    const file = await (await downloading).path();
    expect(await Bun.file(file).bytes()).toEqual(await Bun.file(join(folder, made.source ?? "", "jobs.avro")).bytes());

    await page.getByRole("button", { name: "Prove this backup" }).click();
    expect(await endOfRun(person)).toMatchObject({ status: "succeeded", dry_run: true });
    await page.getByRole("link", { name: "To the backup" }).click();
    await page.getByText("proven", { exact: true }).waitFor();

    await database.pool.query("UPDATE jobs SET job = 'Chef' WHERE id = 2");
    await database.pool.query("INSERT INTO jobs VALUES (3, 'Later'), (4, 'Latest')");
    const changed = await jobs();
    await page.getByRole("group", { name: "Tables" }).getByLabel("departments").uncheck();
    await page.getByRole("button", { name: "Plan the restore" }).click();
    const plan = await endOfRun(person);
    expect(plan).toMatchObject({ dry_run: true, counts: { jobs: { updated: 1, deleted: 2 } } });
    await page.getByRole("link", { name: "Restore these tables" }).click();
    await page.getByRole("heading", { name: "Restore jobs" }).waitFor();
    expect(await page.getByRole("row", { name: /^jobs/ }).textContent()).toBe("jobs21012");
    await page.getByText("Delete 2 rows of jobs, and change 1 row of jobs back.").waitFor();
    expect(await faultsOf(person)).toEqual([]);
    // The browser does not send the form without the tick, and the service does not take it.
    await page.getByRole("button", { name: "Restore jobs" }).click();
    await page.locator("input[name=confirmed]").evaluate((box) => box.removeAttribute("required"));
    await page.getByRole("button", { name: "Restore jobs" }).click();
    await page.getByRole("alert").getByText("tick the box").waitFor();
    expect(await jobs()).toEqual(changed);
    expect((await listRuns(database.db, { limit: 1 }))[0]?.id).toBe(plan.id);
    person.complaints(); // the browser itself complains about the status

    await page.getByLabel("Delete 2 rows of jobs").check();
    await page.getByRole("button", { name: "Restore jobs" }).click();
    expect(await endOfRun(person)).toMatchObject({
      status: "succeeded",
      dry_run: false,
      counts: { jobs: { deleted: 2 } },
    });
    expect(await jobs()).toEqual(AS_BACKED_UP);
    expect(person.complaints()).toEqual([]);
  },
);

const asAdmin = { Authorization: "Bearer rule-me", "Content-Type": "application/x-www-form-urlencoded" };
const send = (path: string, fields: [string, string][], headers: Record<string, string> = asAdmin) =>
  app.request(path, {
    method: "POST",
    headers: { Accept: "text/html", ...headers },
    body: String(new URLSearchParams(fields)),
  });
const page = async (path: string) => {
  const answer = await app.request(path, { headers: { ...asAdmin, Accept: "text/html" } });
  return { status: answer.status, html: await answer.text() };
};

/** Sends a form, and waits until the run that it begins has ended. */
async function ran(path: string, fields: [string, string][]) {
  const answer = await send(path, fields);
  expect(answer.status).toBe(303);
  const id = /([0-9a-f-]{36})$/.exec(answer.headers.get("Location") ?? "")?.[1];
  return until(async () => {
    const run = (await listRuns(database.db, { limit: 5 })).find((each) => each.id === id);
    return run?.finished_at !== null && run;
  });
}
const backedUp = async () => (await ran("/page/backups", [["table", "jobs"]])).source ?? "";
const planned = (id: string) => ran(`/page/backups/${id}/plan`, [["table", "jobs"]]);

test("readers and writers are told that backups are for admins, and their forms are refused", async () => {
  const id = await backedUp();
  for (const token of ["read-me", "write-me"]) {
    const headers = { ...asAdmin, Authorization: `Bearer ${token}`, Accept: "text/html" };
    for (const path of ["/page/backups", `/page/backups/${id}`]) {
      const answer = await app.request(path, { headers });
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("Backups are for admins")]);
    }
    for (const path of ["", `/${id}/verify`, `/${id}/plan`, `/${id}/restore`])
      expect((await send(`/page/backups${path}`, [["table", "jobs"]], headers)).status).toBe(403);
  }
});

test("a form of another site is refused", async () => {
  const headers = { ...asAdmin, Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
  expect((await send("/page/backups", [["table", "jobs"]], headers)).status).toBe(403);
});

test("a form without a table is shown again, with what to do", async () => {
  const answer = await send("/page/backups", []);
  expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining("choose at least one")]);
});

test("a backup whose manifest is damaged is shown as damaged, and so is one whose proof finds a damaged file", async () => {
  const [first, second] = [await backedUp(), await backedUp()];
  await Bun.write(join(folder, first, "manifest.json"), "{");
  const file = Bun.file(join(folder, second, "jobs.avro"));
  const bytes = await file.bytes();
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
  await Bun.write(file, bytes);
  expect(await ran(`/page/backups/${second}/verify`, [])).toMatchObject({ status: "refused" });
  const { html } = await page("/page/backups");
  expect(html).toContain(">damaged<");
  expect(html).toContain("damaged or unfit");
  expect(await page(`/page/backups/${first}`)).toMatchObject({ status: 422, html: expect.stringContaining("damaged") });
  expect((await page(`/page/backups/${second}`)).html).toContain("the file is damaged");
  expect((await page("/page/backups/20261122T230000000Z-0a1b2c3d")).status).toBe(404);
});

test("a plan says what has been written since, and a form that was sent twice restores once", async () => {
  const id = await backedUp();
  await database.pool.query("DELETE FROM jobs WHERE id = 2");
  const plan = await planned(id);
  const address = `/page/backups/${id}/restore?plan=${plan.id}`;
  expect((await page(address)).html).toContain("No run has written to jobs since");
  const inserted = await app.request("/jobs", {
    ...{ method: "POST", headers: { ...asAdmin, "Content-Type": "application/json" } },
    body: JSON.stringify([{ job: "Baker" }]),
  });
  expect(inserted.status).toBe(201);
  expect((await page(address)).html).toContain("This plan is out of date: 1 run has written");
  const form: [string, string][] = [
    ["plan", plan.id],
    ["since", plan.id],
    ["confirmed", "yes"],
  ];
  expect(await ran(`/page/backups/${id}/restore`, form)).toMatchObject({
    counts: { jobs: { inserted: 1, deleted: 1 } },
  });
  const again = await send(`/page/backups/${id}/restore`, form);
  expect([again.status, await again.text()]).toEqual([409, expect.stringContaining("have changed since")]);
  expect(await jobs()).toEqual(AS_BACKED_UP);
});

test("a plan that was refused says why, and cannot be confirmed; a run that is not a plan is not found", async () => {
  const id = await backedUp();
  await database.pool.query("INSERT INTO jobs VALUES (3, 'Later')");
  await database.pool.query("INSERT INTO hired_employees VALUES (1, 'Ana', '2021-05-01', 1, 3)");
  const plan = await planned(id);
  expect(plan).toMatchObject({ status: "refused" });
  const { html } = await page(`/page/backups/${id}/restore?plan=${plan.id}`);
  expect(html).toContain("This restore is not possible");
  const form: [string, string][] = [
    ["plan", plan.id],
    ["since", plan.id],
    ["confirmed", "yes"],
  ];
  expect((await send(`/page/backups/${id}/restore`, form)).headers.get("Location")).toBeNull();
  const [backupRun] = (await listRuns(database.db, { limit: 5 })).filter(({ kind }) => kind === "backup");
  expect((await page(`/page/backups/${id}/restore?plan=${backupRun?.id}`)).status).toBe(404);
});

test("if the store does not answer, the page says so, and its form is still there", async () => {
  const away = new DirectoryStore(folder);
  away.ids = () => Promise.reject(new MusterError("unavailable", "the bucket does not answer: try again"));
  const answer = await appOver(database, { store: away }).request("http://localhost/page/backups");
  const html = await answer.text();
  expect([answer.status, html]).toEqual([
    200,
    expect.stringContaining("Not available now: the bucket does not answer"),
  ]);
  expect(html).toContain("Back up");
});

test.skipIf(withoutChromium !== "")(`all of it works without JavaScript${withoutChromium}`, async () => {
  const id = await backedUp();
  await database.pool.query("INSERT INTO jobs VALUES (3, 'Later')");
  const person = await personWith("rule-me", { javaScriptEnabled: false });
  await person.page.goto(`${person.root}page/backups/${id}`);
  await person.page.getByRole("button", { name: "Plan the restore" }).click();
  const plan = await endOfRun(person);
  await person.page.goto(`${person.root}page/backups/${id}/restore?plan=${plan.id}`);
  await person.page.getByLabel("Delete 1 row of jobs").check();
  await person.page.getByRole("button", { name: "Restore jobs" }).click();
  expect(await endOfRun(person)).toMatchObject({ counts: { jobs: { deleted: 1 } } });
  expect(await jobs()).toEqual(AS_BACKED_UP);
});

test("the list goes on to older backups", async () => {
  for (let made = 0; made < 21; made++) await backedUp();
  const older = /href="(page\/backups\?before=[^"]+)"/.exec((await page("/page/backups")).html)?.[1];
  expect((await page(`/${older}`)).html).toContain("Newest backups");
});

test("while one is under way the list says so, another is told to wait, and a stop of the service ends it", async () => {
  const id = await backedUp();
  await database.pool.query("INSERT INTO jobs VALUES (3, 'Later')");
  const before = await jobs();
  const plan = await planned(id);
  const release = await hold(database.pool, GATES);
  const form: [string, string][] = [
    ["plan", plan.id],
    ["since", plan.id],
    ["confirmed", "yes"],
  ];
  const answer = await send(`/page/backups/${id}/restore`, form);
  expect([answer.status, answer.headers.get("Location")]).toEqual([
    303,
    expect.stringMatching(/^\.\.\/\.\.\/\.\.\/page\/runs\//),
  ]);
  expect((await page("/page/backups")).html).toContain("under way");
  const busy = await send("/page/backups", [["table", "jobs"]]);
  expect([busy.status, await busy.text()]).toEqual([503, expect.stringContaining("is under way")]);
  await work.stop();
  expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({
    ...{ status: "failed", error: "interrupted: the service was stopped, send it again" },
  });
  await release();
  expect(await jobs()).toEqual(before);
});

test("SIGTERM ends a restore that the page has begun, and nothing is changed", async () => {
  const { manifest } = await backup(database, store, {
    ...{ tables: [database.dictionary.of("jobs")], codec: "deflate", report: { say: () => {} } },
  });
  await database.pool.query("INSERT INTO jobs VALUES (3, 'Later')");
  const before = await jobs();
  const service = start(["src/main.ts"], { DATABASE_URL: database.url, BACKUP_STORE: folder, PORT: "0" });
  const [url = ""] = /http:[^"]+/.exec(await saidUntil(service.stdout, "Muster serves")) ?? [];
  const post = (step: string, fields: Record<string, string>) =>
    fetch(`${url}page/backups/${manifest.id}/${step}`, {
      ...{ method: "POST", redirect: "manual", body: new URLSearchParams(fields) },
    });
  await post("plan", { table: "jobs" });
  const plan = await until(async () =>
    (await listRuns(database.db, { limit: 1 })).find(({ status }) => status === "succeeded"),
  );
  const release = await hold(database.pool, GATES);
  await post("restore", { plan: plan.id, since: plan.id, confirmed: "yes" });
  service.kill("SIGTERM");
  expect(await service.exited).toBe(0);
  await release();
  const error = "interrupted: the service was stopped, send it again";
  expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({
    kind: "restore",
    dry_run: false,
    status: "failed",
    error,
  });
  expect(await jobs()).toEqual(before);
});

/** Reads until this text is there. */
async function saidUntil(output: ReadableStream<Uint8Array<ArrayBuffer>>, end: string): Promise<string> {
  let said = "";
  for await (const text of output.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    said += text;
    if (said.includes(end)) break;
  }
  return said;
}
