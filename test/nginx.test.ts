/**
 * Muster behind a real nginx, with TLS, under /muster, by the configuration in docs/operating.md. It runs if the program is
 * given: `MUSTER_NGINX=/usr/sbin/nginx npm test -- test/nginx.test.ts` (Debian: nginx-light).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { request } from "node:https";
import { join } from "node:path";
import { serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { freePort } from "./support/free-port.ts";
import { missing, withoutChromium } from "./support/missing.ts";
import { type Nginx, startNginx } from "./support/nginx.ts";
import { AT_THE_GATE, GATES, hold, underWay } from "./support/observe.ts";
import { faultsOf, type Person, visitorOf } from "./support/person.ts";

const nginx = process.env.MUSTER_NGINX ?? "";
const without = missing("MUSTER_NGINX=/usr/sbin/nginx", nginx !== "");

const MB = 1_000_000;
const admin = { Authorization: "Bearer rule-me" };
const json = { ...admin, "Content-Type": "application/json" };
const csv = { ...admin, "Content-Type": "text/csv" };

describe.skipIf(without !== "")(`behind nginx${without}`, async () => {
  if (without !== "") return;
  const database = await freshDatabase();
  let muster: Awaited<ReturnType<typeof serve>>;
  let proxy: Nginx;

  beforeAll(async () => {
    const port = await freePort();
    muster = await serve({
      ...{ DATABASE_URL: database.url, BACKUP_STORE: join(await folderOf({}), "backups") },
      ...{ API_TOKENS: "reader:read-me,writer:write-me,admin:rule-me", TRUSTED_PROXY: "127.0.0.1" },
      PUBLIC_URL: `https://localhost:${port}/muster`,
    });
    proxy = await startNginx(nginx, port, new URL(muster.url).host);
  });
  afterAll(async () => {
    await proxy?.stop();
    await muster?.stop();
    await database.close();
    await removeFolders();
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, proxy.root), { headers: admin, ...init, tls: { ca: proxy.ca } });
  const send = (path: string, body: string, headers: Record<string, string> = json) =>
    ask(path, { method: "POST", headers, body });

  /** Sends a request of which only the first part of the body comes, until it is answered. */
  const beginning = (path: string, headers: Record<string, string>, localAddress = "127.0.0.1") =>
    new Promise<number>((answered, failed) => {
      const { port } = new URL(proxy.root);
      const options = { host: "127.0.0.1", port, servername: "localhost", ca: proxy.ca, localAddress, headers };
      const sent = request({ ...options, path, method: "POST" }, (answer) => {
        answered(answer.statusCode ?? 0);
        sent.destroy();
      });
      sent.on("error", failed);
      sent.write("1,Clerk\n");
    });

  test("an insert, a Link to the next page, and a Location lead on as they stand", async () => {
    const jobs = JSON.stringify([{ job: "Clerk" }, { job: "Cook" }, { job: "Baker" }]);
    expect((await send("jobs", jobs)).status).toBe(201);
    const page = await ask("jobs?limit=2");
    const [, next = ""] = /^<([^>]*)>; rel="next"$/.exec(page.headers.get("Link") ?? "") ?? [];
    expect(next).toStartWith("/muster/jobs?");
    expect(await (await ask(next)).json()).toEqual([expect.objectContaining({ job: "Baker" })]);
    const made = await send("backup", JSON.stringify({ table: ["jobs"] }));
    const location = made.headers.get("Location") ?? "";
    expect([made.status, location]).toEqual([201, expect.stringMatching(/^\/muster\/backups\/[^/]+$/)]);
    expect((await ask(location)).status).toBe(200);
  });

  test("problems come as they are, and a tag is known again", async () => {
    const none = await ask("nothing/here");
    expect([none.status, none.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
    const tag = (await ask("jobs")).headers.get("ETag") ?? "";
    expect((await ask("jobs", { headers: { ...admin, "If-None-Match": tag } })).status).toBe(304);
  });

  test("a large file goes through, and its events come while it is imported", async () => {
    const rows = Array.from({ length: 100_000 }, (_, index) => `${index + 1000},${"x".repeat(100)} ${index}\n`).join(
      "",
    );
    expect(rows.length).toBeGreaterThan(10 * MB);
    const release = await hold(database.pool, GATES);
    try {
      const begun = await send("imports?table=jobs", rows, csv);
      const location = begun.headers.get("Location") ?? "";
      expect([begun.status, location]).toEqual([202, expect.stringMatching(/^\/muster\/runs\/[^/]+$/)]);
      await underWay(database, AT_THE_GATE);
      const events = await ask(`${location}/events`);
      expect(events.headers.get("Content-Type")).toBe("text/event-stream");
      let text = "";
      for await (const part of events.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        // The first event is here although the run cannot go on.
        if (text === "") expect(part).toStartWith("event: progress\n");
        text += part;
        await release();
      }
      expect(text).toContain("event: ended\n");
      expect(text).toContain('"inserted":100000');
    } finally {
      await release();
    }
  });

  test("a body reaches Muster while it is being sent: what is wrong with it is answered before its end", async () => {
    expect(await beginning("/muster/imports?table=nothing", csv)).toBe(400);
  });

  test("clients are told apart, whatever they claim in X-Forwarded-For", async () => {
    const guess = (from: string) =>
      beginning("/muster/jobs", { Authorization: "Bearer a-guess", "X-Forwarded-For": "192.0.2.1" }, from);
    const guesses: number[] = [];
    for (let count = 0; count < 62; count++) guesses.push(await guess("127.0.0.2"));
    expect([guesses[0], guesses.at(-1), await guess("127.0.0.3")]).toEqual([401, 429, 401]);
  });

  describe.skipIf(withoutChromium !== "")(`a person${withoutChromium}`, () => {
    let person: Person;
    beforeAll(async () => {
      person = await visitorOf(proxy.root, { ignoreHTTPSErrors: true });
    });
    afterAll(() => person?.close());

    test("comes without the last slash and signs in: the cookie is Secure and of this path alone", async () => {
      const { page, root } = person;
      await page.goto(root.slice(0, -1));
      expect(page.url()).toBe(root);
      await page.goto(`${root}page/tables/departments`);
      await person.signIn("rule-me");
      await page.getByText("Signed in as admin").waitFor();
      expect(page.url()).toBe(`${root}page/tables/departments`);
      const [cookie] = await page.context().cookies();
      expect([cookie?.path, cookie?.secure, cookie?.httpOnly, cookie?.sameSite]).toEqual([
        ...["/muster", true, true],
        "Strict",
      ]);
    });

    test("goes to every view by the navigation, and back from an address that is wrong", async () => {
      const { page, root } = person;
      const views = page.getByRole("navigation", { name: "Views" }).getByRole("link");
      for (const name of await views.allTextContents()) {
        if (name === "API") continue;
        await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name, exact: true }).click();
        await page.getByRole("link", { name, exact: true }).and(page.locator("[aria-current]")).waitFor();
        expect([name, page.url().startsWith(root), await faultsOf(person)]).toEqual([name, true, []]);
      }
      await page.goto(`${root}page/a/b/c`);
      expect(person.complaints()).toEqual([expect.stringContaining("404")]);
      await page.getByRole("link", { name: "Muster", exact: true }).click();
      await page.waitForURL(root);
      expect(person.complaints()).toEqual([]);
    });

    test("sends a request from the API's page", async () => {
      const { page, root } = person;
      await page.goto(`${root}docs`);
      const operation = page.locator("#operations-jobs-getJobs");
      await operation.getByText("Rows of jobs, by id").click();
      await operation.getByRole("button", { name: "Try it out" }).click();
      const asked = page.waitForRequest((each) => each.url().includes("/jobs"));
      await operation.getByRole("button", { name: "Execute" }).click();
      expect((await asked).url()).toBe(`${root}jobs`);
      await operation.locator(".live-responses-table .response").getByText('"Clerk"').waitFor();
      expect(person.complaints()).toEqual([]);
    });

    test("makes a backup, sees it end, and signs out", async () => {
      const { page, root } = person;
      await page.goto(`${root}page/backups`);
      await page.locator("main form button[type=submit]").first().click();
      await page.waitForURL(/\/muster\/page\/runs\/[\w-]+$/);
      await page.getByText("succeeded").first().waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Token").waitFor();
      expect([page.url(), await page.context().cookies(), person.complaints()]).toEqual([root, [], []]);
    });
  });
});
