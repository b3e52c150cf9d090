/** Sending a large file on the view "Load a file": its progress, what ends it, and who may do it. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readTokens } from "../src/http/auth.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { GATES, hold, until } from "./support/observe.ts";
import { faultsOf, type Person, personAt, settled } from "./support/person.ts";

const BYTES_MAX = 40_000_000;
const database = await freshDatabase();
/** It takes one file at a time, so a file that is not given back when it should be is noticed. */
const tokens = readTokens("reader:read-me,writer:write-me");
const app = appOver(database, { tokens, imported: { uploadsMax: 1, bytesMax: BYTES_MAX } });
const open: Person[] = [];
afterAll(async () => {
  for (const person of open) await person.close();
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

async function personWith(token: string, path = "page/load", at = app): Promise<Person> {
  const person = await personAt(at);
  open.push(person);
  await person.page.goto(person.root + path);
  await person.signIn(token);
  await settled(person.page);
  return person;
}

/** A file of about 30 MB. */
async function largeFile(): Promise<string> {
  const rows = Array.from({ length: 600_000 }, (_, at) => `${at + 1},A job with a long name ${"x".repeat(20)}\n`);
  return join(await folderOf({ "jobs.csv": rows.join("") }), "jobs.csv");
}

async function choose({ page }: Person, file: string | { name: string; mimeType: string; buffer: Buffer }) {
  await page.getByLabel("Choose a file").setInputFiles(file);
  await page.getByRole("button", { name: "Import", exact: true, disabled: false }).waitFor();
}

const JOBS = { name: "jobs.csv", mimeType: "text/csv", buffer: Buffer.from("id,job\n3,Baker\n") };
const press = ({ page }: Person, name: string) => page.getByRole("button", { name, exact: true }).click();
const runs = () => listRuns(database.db, { limit: 10 });

async function problem({ page }: Person): Promise<string | null> {
  const found = page.locator("#problem:not(:empty)");
  await found.waitFor();
  return found.textContent();
}

/** Waits until the service has noticed that a file is not sent any more. It refuses an empty file only if it could take one. */
async function placeIsFree() {
  const headers = { "Content-Type": "text/csv", Authorization: "Bearer write-me" };
  const post = () => app.request("/imports?table=jobs", { method: "POST", headers, body: "" });
  await until(async () => (await post()).status === 400);
}

/** Limits how fast the browser sends. @returns a function that takes the limit away */
async function sendAt({ page }: Person, bytesPerSecond: number) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const limit = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
  await devtools.send("Network.emulateNetworkConditions", limit);
  return () => devtools.detach();
}

describe.skipIf(withoutChromium !== "")(`a person${withoutChromium}`, () => {
  test("sees how far a large file is sent, cancels, sends it again, follows its import and cancels that", async () => {
    const person = await personWith("write-me");
    const { page } = person;
    await choose(person, await largeFile());
    const sendFast = await sendAt(person, 1_000_000);
    await press(person, "Import");
    await until(() => page.evaluate<boolean>("document.getElementById('sent').value > 0.02"));
    expect(await page.locator("#sent-text").textContent()).toMatch(/^[\d.]+ of [\d.]+ MB, \d+ %$/);
    expect(await faultsOf(person)).toEqual([]);
    await press(person, "Cancel");
    expect([await problem(person), await runs()]).toEqual(["Cancelled: nothing was stored.", []]);
    await placeIsFree();
    await sendFast();
    const release = await hold(database.pool, GATES); // so it cannot end
    await press(person, "Import");
    await page.waitForURL(/\/page\/runs\/[0-9a-f-]{36}$/);
    await page.getByText(/^jobs: .* rows/).waitFor();
    await press(person, "Cancel");
    await page.getByText("Account", { exact: true }).waitFor();
    await release();
    expect(await runs()).toMatchObject([{ status: "failed", error: expect.stringContaining("cancelled") }]);
    expect((await database.pool.query("SELECT * FROM jobs LIMIT 1"))[0]).toEqual([]);
  });

  test("is told before a file is sent in vain", async () => {
    const person = await personWith("write-me");
    await choose(person, JOBS);
    await person.page.evaluate(`
      const transfer = new DataTransfer();
      transfer.items.add(new File(["1,Baker\\n".repeat(${BYTES_MAX / 8 + 1})], "jobs.csv"));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));`);
    await person.page
      .getByText(/1,000 rows were looked at/)
      .first()
      .waitFor();
    await press(person, "Import");
    expect(await problem(person)).toContain(`the body is larger than ${BYTES_MAX} bytes`);
    expect(await runs()).toEqual([]);
  });

  test("sends a file again after its answer was lost, and it is imported once", async () => {
    const person = await personWith("write-me", "page/load", appOver(database, { tokens }));
    await choose(person, JOBS);
    let isFirst = true;
    await person.page.route("**/page/imports?*", async (route) => {
      if (!isFirst) return route.continue();
      isFirst = false;
      await route.fetch();
      return route.abort("connectionreset");
    });
    await press(person, "Import");
    expect(await problem(person)).toContain("the connection was lost");
    await until(async () => (await runs())[0]?.finished_at);
    await press(person, "Import");
    await person.page.getByText("Account", { exact: true }).waitFor();
    expect(await runs()).toMatchObject([{ status: "succeeded", counts: { jobs: { inserted: 1 } } }]);
  });

  test("is told to sign in again if the session has ended", async () => {
    const person = await personWith("write-me");
    await choose(person, JOBS);
    await person.page.context().clearCookies();
    await press(person, "Import");
    expect(await problem(person)).toContain("sign in");
    await person.page.getByLabel("Table").selectOption("departments");
    await person.page.getByText("Looking at").waitFor({ state: "hidden" });
    expect([await problem(person), await runs()]).toEqual([expect.stringContaining("sign in"), []]);
  });

  test("with the role reader is not offered it, and is refused", async () => {
    const person = await personWith("read-me", "page/runs");
    const { page } = person;
    expect(await page.getByRole("link", { name: "Load a file" }).count()).toBe(0);
    expect((await page.goto(`${person.root}page/load`))?.status()).toBe(403);
    expect(await page.locator("#problem").textContent()).toContain("needs the role writer");
    const post = (path: string) =>
      page.evaluate<number>(`fetch("${path}", { method: "POST", body: "1,Baker\\n" }).then(({ status }) => status)`);
    expect([await post("page/imports?table=jobs"), await post("page/load/inspection")]).toEqual([403, 403]);
    expect(await runs()).toEqual([]);
  });

  test("without JavaScript is told what to do instead", async () => {
    const person = await personAt(app, { javaScriptEnabled: false });
    open.push(person);
    await person.page.goto(`${person.root}page/load`);
    await person.signIn("write-me");
    await settled(person.page);
    expect(await person.page.getByText(/npm run import -- departments.csv/).isVisible()).toBe(true);
    expect(await person.page.getByLabel("Choose a file").isVisible()).toBe(false);
  });
});
