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
    await page.getByText("Asked to cancel").waitFor();
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    expect(await faultsOf(person)).toEqual([]);
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
    await page.getByText("Asked to cancel").waitFor();
    await until(async () => (await listRuns(database.db, { limit: 1 }))[0]?.finished_at);
    await page.reload();
    await page.getByText("it was cancelled on request").waitFor();
  },
);
