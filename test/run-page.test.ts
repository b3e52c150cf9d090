/** The runs' pages, as a person follows a run in a browser. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { AT_THE_GATE, GATES, hold, underWay, until } from "./support/observe.ts";
import { faultsOf, type Person, personAt } from "./support/person.ts";

const database = await freshDatabase();
const tokens = readTokens("reader:read-me,writer:write-me,admin:rule-me");
const app = appOver(database, { store: new DirectoryStore(await folderOf({})), tokens });
const open: Person[] = [];
afterAll(async () => {
  for (const person of open) await person.close();
  await database.close();
  await removeFolders();
});

const releases: (() => Promise<void>)[] = [];
const letGo = async () => {
  for (const release of releases.splice(0)) await release();
};
beforeEach(database.empty);
afterEach(letGo);

async function personWith(token: string, options: { javaScriptEnabled?: boolean } = {}): Promise<Person> {
  const person = await personAt(app, { prefix: "/muster", ...options });
  open.push(person);
  await person.page.goto(`${person.root}page/runs`);
  await person.signIn(token);
  await person.page.getByRole("heading", { name: "Runs" }).waitFor();
  return person;
}

const ASKED_OR_ENDED = /Asked to cancel|it was cancelled on request/;
const HOSTILE = "<script>alert(1)</script>";
const JOBS = `1,Clerk\n2,\n3,${HOSTILE}\n`;

/** Begins an import that waits for other writers until `letGo`. @returns the run's id */
async function heldImport(csv = JOBS): Promise<string> {
  releases.push(await hold(database.pool, GATES));
  const headers = { "Content-Type": "text/csv", Authorization: "Bearer write-me" };
  const answer = await app.request("/imports?table=jobs", { method: "POST", headers, body: csv });
  const { id } = (await answer.json()) as { id: string };
  await underWay(database, AT_THE_GATE);
  return id;
}

test.skipIf(withoutChromium !== "")(
  `the page of a running import shows its progress, and its account by itself when it ends${withoutChromium}`,
  async () => {
    const id = await heldImport();
    await until(async () => (await listRuns(database.db, { limit: 1 }))[0]?.progress);
    const person = await personWith("read-me");
    const { page, root } = person;
    await page.getByText(/rows so far/).waitFor();
    expect(await faultsOf(person)).toEqual([]);
    await page.getByRole("link", { name: "Import" }).click();
    await page.getByText("jobs: publishing: inserting 2 rows, 1 rejected so far").waitFor();
    expect(await page.getByRole("progressbar").count()).toBe(1);
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    expect(await faultsOf(person)).toEqual([]);

    await letGo();
    await page.getByRole("heading", { name: "Account" }).waitFor();
    expect(page.url()).toBe(`${root}page/runs/${id}`);
    expect(await page.getByRole("status").textContent()).toBe("Import: succeeded");
    expect(await page.getByRole("progressbar").count()).toBe(0);
    const heads = await page.getByRole("columnheader").allTextContents();
    expect(heads.slice(0, 6)).toEqual(["Table", "Received", "= Inserted", "+ Unchanged", "+ Rejected", "+ Withheld"]);
    const cells = await page.getByRole("row", { name: /^jobs/ }).getByRole("cell").allTextContents();
    expect(cells).toEqual(["3", "2", "0", "1", "0"]);
    expect(await faultsOf(person)).toEqual([]);
    // The page that is loaded after the end is the same.
    const shown = await page.getByRole("region", { name: "Account" }).textContent();
    await page.reload();
    expect(await page.getByRole("region", { name: "Account" }).textContent()).toBe(shown);
    expect(await page.getByRole("link", { name: "See and mend the rejected rows" }).getAttribute("href")).toBe(
      `page/rejections?run=${id}`,
    );
  },
);

test.skipIf(withoutChromium !== "")(
  `a writer cancels a running import on its page, and sees that nothing was stored${withoutChromium}`,
  async () => {
    const id = await heldImport();
    const person = await personWith("write-me");
    const { page, root } = person;
    await page.goto(`${root}page/runs/${id}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    // The import may end before the page is there.
    await page.getByText(ASKED_OR_ENDED).waitFor();
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    await page.getByText("it was cancelled on request").waitFor();
    await letGo();
    expect(await listRuns(database.db, { limit: 1 })).toMatchObject([{ id, status: "failed" }]);
    expect((await database.pool.query("SELECT * FROM jobs"))[0]).toEqual([]);
    expect(await faultsOf(person)).toEqual([]);
  },
);

test.skipIf(withoutChromium !== "")(
  `without JavaScript the page of a run shows its state, says to reload, and can cancel${withoutChromium}`,
  async () => {
    const id = await heldImport();
    const { page, root } = await personWith("write-me", { javaScriptEnabled: false });
    await page.goto(`${root}page/runs/${id}`);
    await page.getByText("Reload this page to see how far the run has come.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(ASKED_OR_ENDED).waitFor();
    // For a moment the row may say that the process was killed: the run's lock is free before its reason is written.
    await until(async () => (await listRuns(database.db, { limit: 1 }))[0]?.error?.includes("it was cancelled"));
    await page.reload();
    await page.getByText("it was cancelled on request").waitFor();
  },
);

const RUN = "019aadc4-5f00-7000-8000-000000000001";
const as = (token: string, more: Record<string, string> = {}) => ({
  headers: { Authorization: `Bearer ${token}`, Accept: "text/html", ...more },
});
/** Writes the row of a run, as another process would. */
async function runOf(columns: { kind: string; asked?: boolean; ended?: boolean }) {
  const { kind, asked = false, ended = false } = columns;
  await database.pool.query(
    `INSERT INTO muster_runs (id, kind, status, counts, owner, started_at, finished_at, cancel_asked_at)
     VALUES (?, ?, ?, '{}', 'elsewhere', NOW(3), IF(?, NOW(3), NULL), IF(?, NOW(3), NULL))`,
    [RUN, kind, ended ? "failed" : "running", ended, asked],
  );
}

test("only a running import can be cancelled, only by a writer, and not from another site", async () => {
  const button = async (token: string) =>
    (await (await app.request(`/page/runs/${RUN}`, as(token))).text()).includes(`action="page/runs/${RUN}/cancel"`);
  const cancel = async (token: string, more: Record<string, string> = {}) =>
    (await app.request(`/page/runs/${RUN}/cancel`, { method: "POST", ...as(token, more) })).status;
  await runOf({ kind: "backup" });
  expect([await button("rule-me"), await cancel("rule-me")]).toEqual([false, 409]);
  await database.empty();
  await runOf({ kind: "import", ended: true });
  expect([await button("write-me"), await cancel("write-me")]).toEqual([false, 409]);
  await database.empty();
  await runOf({ kind: "import" });
  expect([await button("read-me"), await cancel("read-me")]).toEqual([false, 403]);
  expect([await button("write-me"), await cancel("write-me", { Origin: "https://evil.example" })]).toEqual([true, 403]);
  await database.empty();
  await runOf({ kind: "import", asked: true });
  expect(await button("write-me")).toBe(false);
  expect(await (await app.request(`/page/runs/${RUN}`, as("write-me"))).text()).toContain("Asked to cancel.");
});

test("a run's events need a token, and are over once their end was seen", async () => {
  const events = (headers: Record<string, string>) => app.request(`/page/runs/${RUN}/events`, { headers });
  const reader = { Authorization: "Bearer read-me" };
  expect((await events(reader)).status).toBe(404);
  await runOf({ kind: "import", ended: true });
  expect((await events({})).status).toBe(401);
  expect((await events({ ...reader, Accept: "application/json" })).status).toBe(406);
  expect((await events({ ...reader, "Last-Event-ID": RUN })).status).toBe(204);
  const text = await (await events(reader)).text();
  expect(text).toMatch(/^event: ended\ndata: .*hx-swap-oob/s);
});

test("the list of runs is paged", async () => {
  await database.pool.query(`INSERT INTO muster_runs (id, kind, status, counts, owner, started_at, finished_at)
    WITH RECURSIVE numbers AS (SELECT 10 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 40)
    SELECT CONCAT('019aadc4-5f00-7000-8000-0000000000', n), 'insert', 'succeeded', '{}', 'x', NOW(3), NOW(3) FROM numbers`);
  const seen = async (query: string) => {
    const text = await (await app.request(`/page/runs${query}`, as("read-me"))).text();
    return {
      runs: text.match(/<th scope="row">/g)?.length,
      older: /page\/runs(\?before=[\w-]+)">Older/.exec(text)?.[1],
    };
  };
  const first = await seen("");
  expect(first).toEqual({ runs: 25, older: "?before=019aadc4-5f00-7000-8000-000000000016" });
  expect(await seen(first.older ?? "")).toEqual({ runs: 6, older: undefined });
  expect((await app.request("/page/runs?before=x", as("read-me"))).status).toBe(400);
});
