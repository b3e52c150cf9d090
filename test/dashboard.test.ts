/** The page: what it shows, and what a browser gets. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { CHROMIUM, withoutChromium } from "./support/missing.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const tokens = readTokens("reader:read-me,admin:rule-me");
const guarded = appOver(database, { tokens });
const local = appOver(database);
let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
  await database.close();
  await removeFolders();
});

const NAME = "<script>alert(1)</script> & Söhne";
beforeEach(async () => {
  await database.empty();
  await local.request("/insert", posted(ROWS));
});
const ROWS = {
  departments: [{ id: 1, department: NAME }],
  jobs: [{ id: 1, job: "Clerk" }, { job: "<b>" }, { job: "" }],
  hired_employees: [
    { name: "Ana", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 1 },
    { name: "Bo", datetime: "2022-01-07T02:48:42Z", department_id: 1, job_id: 1 },
  ],
};

const textOf = async (answer: Response | Promise<Response>) => (await answer).text();

describe("the page", () => {
  test("has both reports for the year asked for, 2021 by default", async () => {
    for (const [query, year, quarters] of [
      ["", 2021, "0 0 0 1"],
      ["?year=2022", 2022, "1 0 0 0"],
      ["?year=2020", 2020, "No hires in 2020"],
    ] as const) {
      const text = await textOf(local.request(`/${query}`));
      expect(text).toContain(`Hires in ${year}`);
      expect(text).toContain(`hired_2021_quarter?year=${year}`);
      expect(text.replaceAll(/<[^>]*>|\s+/g, " ").replaceAll(/ +/g, " ")).toContain(quarters);
    }
    expect((await local.request("/?year=x")).status).toBe(400);
  });

  test("shows the content of rows as text, never as HTML", async () => {
    const text = await textOf(local.request("/"));
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne");
    expect(text).not.toContain("<script>");
  });

  test("says what to do first if there are no rows", async () => {
    expect(await textOf(local.request("/"))).not.toContain("scripts/import.ts");
    await database.empty();
    const text = await textOf(local.request("/"));
    for (const step of ["npm run import --", "curl http://localhost/departments", "No runs yet", "No open rejections"])
      expect(text).toContain(step);
  });

  test("says how many runs and open rejections there are, which runs were dry, and for which table every row was rejected", async () => {
    await local.request("/jobs", posted(Array.from({ length: 60 }, () => ({ job: "" }))));
    const source = await folderOf({ "departments.csv": "8,Legal\n" });
    await importSource(database, { source, dryRun: true, report: { say() {} } });
    const rejected = await folderOf({ "jobs.csv": "80,\n" });
    await importSource(database, { source: rejected, report: { say() {} } });
    const text = (await textOf(local.request("/"))).replaceAll(/<[^>]*>|\s+/g, " ").replaceAll(/ +/g, " ");
    for (const part of [
      ...["62 open, the newest 50 shown", "4 runs JSON", "succeeded dry run: nothing was stored"],
      "succeeded every row of jobs was rejected",
    ])
      expect(text).toContain(part);
  });

  test("shows the other parts if one takes too long, and is 503 if all do", async () => {
    const holder = await database.pool.getConnection();
    await holder.query("LOCK TABLES hired_employees WRITE");
    // Both reports wait for the table. The limit is the time that this machine takes for the other parts.
    let page = 100;
    const [answer, text] = await until(async () => {
      page *= 2;
      const answer = await appOver(database, { answerMsMax: { page } }).request("/");
      const text = await answer.text();
      return text.match(/Not available now: [^<]+/g)?.length === 2 && ([answer, text] as const);
    });
    expect(answer.status).toBe(200);
    for (const part of ["1 run ", "job is required and is missing"]) expect(text).toContain(part);
    await holder.query("LOCK TABLES hired_employees WRITE, muster_runs WRITE, muster_rejections WRITE");
    expect((await appOver(database, { answerMsMax: { page } }).request("/")).status).toBe(503);
    await holder.query("UNLOCK TABLES");
    holder.release();
  });

  test("is an HTML document that no browser caches, and that runs only the scripts of this service", async () => {
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
});

describe("a person's browser", () => {
  const Accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const going = { headers: { Accept, "Sec-Fetch-Mode": "navigate" } };
  const plain = { headers: { Accept, "Upgrade-Insecure-Requests": "1" } };

  test.each([
    ["/?year=abc", 400, "year must be a year", "./"],
    ["/runs/019aadc4-5f00-7000-8000-000000000001", 404, "there is no run", "../"],
    ["/no/such/page", 404, "there is nothing at", "../../"],
    ["/runs?state=x", 400, "is not known", "./"],
  ])("gets the problem of %s as a page with a link home", async (path, status, detail, home) => {
    for (const request of [going, plain]) {
      const answer = await local.request(path, request);
      const text = await answer.text();
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([status, "text/html; charset=UTF-8"]);
      for (const part of [detail, `<base href="${home}"/>`, `<a href="./">`]) expect(text).toContain(part);
    }
    const program = await local.request(path);
    expect([program.status, program.headers.get("Content-Type")]).toEqual([status, "application/problem+json"]);
  });

  test("is sent to the sign-in form if a token is needed, and gets the page's own errors as a page", async () => {
    const answer = await guarded.request("/runs", going);
    expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([401, 'Bearer realm="muster"']);
    expect(await answer.text()).toContain('<a href="./">Sign in</a>');
    for (const path of ["/?year=abc", "/no/such/page", "/docs/nothing"]) {
      const page = await local.request(path, { headers: { Accept: "text/html" } });
      expect([path, page.headers.get("Content-Type")]).toEqual([path, "text/html; charset=UTF-8"]);
    }
  });

  test("gets data as an escaped page, while programs that accept text/html too get JSON", async () => {
    const answer = await local.request("/departments", going);
    expect([answer.status, answer.headers.get("ETag")]).toEqual([200, null]);
    const text = await answer.text();
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).not.toContain("<script>");
    const java = { headers: { Accept: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" } };
    for (const path of ["/departments", "/departments/99"])
      expect((await local.request(path, java)).headers.get("Content-Type")).toMatch(/^application\/(problem\+)?json/);
  });
});

test.skipIf(withoutChromium !== "")(
  `in a browser, a user signs in, reads, follows a link and signs out, and nothing is loaded from other hosts${withoutChromium}`,
  async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: guarded.fetch });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: 0 });
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    page.setDefaultTimeout(0);
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on("request", (request) => void asked.push(request.url()));
    page.on(
      "console",
      (message) => void (["error", "warning"].includes(message.type()) && complaints.push(message.text())),
    );
    page.on("pageerror", (error) => void complaints.push(error.message));
    const send = async (token: string) => {
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };

    await page.goto(server.url.href);
    await send("wrong");
    await page.getByRole("alert").getByText("This token is not known.").waitFor();
    // The browser itself complains about the status.
    expect(complaints.splice(0)).toEqual([expect.stringContaining("401")]);
    await send("read-me");
    await page.getByText("Signed in as reader").waitFor();
    expect(page.url()).toBe(server.url.href);
    const report = page.getByRole("table", { name: "By department, job and quarter" });
    const cells = report.locator("tbody th, tbody td");
    expect(await cells.allTextContents()).toEqual([NAME, "Clerk", "0", "0", "0", "1"]);
    // On a phone the reason is visible without scrolling sideways.
    const why = await page.getByText("missing", { exact: true }).boundingBox();
    expect((why?.x ?? 0) + (why?.width ?? 390)).toBeLessThan(390);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);

    await page.getByLabel("Year").fill("2022");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByRole("heading", { name: "Hires in 2022" }).waitFor();
    await page.getByRole("link", { name: "insert" }).click();
    expect(JSON.parse((await page.locator("pre").textContent()) ?? "")).toMatchObject({
      kind: "insert",
      status: "succeeded",
    });
    await page.getByRole("link", { name: "To the overview" }).click();
    await page.getByRole("heading", { name: "Hires in 2021" }).waitFor();
    await page.goto(`${server.url.href}runs/none`);
    await page.getByRole("heading", { name: "404 Not Found" }).waitFor();
    await page.getByRole("link", { name: "To the overview" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect((await page.goto(`${server.url.href}jobs`))?.status()).toBe(401);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Token").waitFor();

    expect(asked.filter((url) => new URL(url).origin !== server.url.origin && !url.startsWith("data:"))).toEqual([]);
    expect(complaints.filter((each) => !/40[14]/.test(each))).toEqual([]);
    await server.stop(true);
  },
);
