/** What a person sees when something goes wrong: a page in the frame with a way back, or the problem above what htmx asked for. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readTokens } from "../src/http/auth.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { withoutChromium } from "./support/missing.ts";
import { until } from "./support/observe.ts";
import { faultsOf, type Person, personAt, settled } from "./support/person.ts";

const database = await freshDatabase();
const tokens = readTokens("reader:read-me,admin:rule-me");
const app = appOver(database, { tokens });
afterAll(() => database.close());

const PERSON = { Accept: "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", Authorization: "Bearer read-me" };
const own = { Origin: "http://localhost", Host: "localhost" };

/** The text of the problem on a page. */
const problemOn = (page: string) => /<div id="problem" role="alert">([^<]*)<\/div>/.exec(page)?.[1];

describe("a person gets a page in the frame with a way back", () => {
  test.each([
    [404, "/page/tables/jobs/7", {}, "jobs has no id 7", "page/tables"],
    [404, "/page/tables/nothing", {}, "there is no table", "page/tables"],
    [404, "/page/nothing/at/all", {}, "there is nothing at /page/nothing/at/all", "./"],
    [404, "/no-table", {}, "there is no table", "./"],
    [400, "/page/tables/jobs/7?x=1", {}, "&quot;x&quot; is not known", "page/tables"],
    [400, "/?x=1", {}, "&quot;x&quot; is not known", "./"],
    [403, "/page/load", {}, "this needs the role writer, and your token has the role reader", "./"],
    [405, "/page/tables", { method: "POST", headers: own }, "/page/tables takes GET, HEAD, not POST", "page/tables"],
    [405, "/sign-in", {}, "/sign-in takes POST, not GET", "./"],
    [
      403,
      "/page/tables",
      { method: "POST", headers: { Origin: "https://evil.example" } },
      "another site",
      "page/tables",
    ],
    [401, "/page/tables", { method: "POST", headers: { Authorization: "" } }, "the session has ended", "./"],
    [401, "/page/tables", { headers: { Authorization: "Bearer wrong" } }, "the token is not known", "./"],
    [401, "/runs", { headers: { Authorization: "Bearer wrong" } }, "the token is not known", "./"],
    [413, "/sign-in", { method: "POST", body: "x".repeat(9000) }, "8192", "./"],
    [415, "/sign-in", { method: "POST", body: "{}" }, "application/x-www-form-urlencoded", "./"],
  ] as const)("for %i at %s", async (status, path, { headers = {}, ...request }: RequestInit, problem, back) => {
    const all = new Headers({ ...PERSON, ...(headers as Record<string, string>) });
    if (all.get("Authorization") === "") all.delete("Authorization");
    const answer = await app.request(path, { ...request, headers: all });
    const text = await answer.text();
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([status, "text/html; charset=UTF-8"]);
    expect(problemOn(text)).toContain(problem);
    for (const part of [`<a href="${back}">`, '<a href="./">', answer.headers.get("X-Request-Id") ?? "-"])
      expect(text).toContain(part);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  test("for 429, 503 and 500, without what only the log should say", async () => {
    const limited = appOver(database, { tokens, rateLimit: { perMinute: 1, now: () => 0 } });
    await limited.request("/page/tables", { headers: PERSON });
    const secret = "SELECT secret FROM passwords";
    const broken = (error: Error) => appOver({ ...database, pool: failing(error) }, { tokens });
    for (const [status, service, problem] of [
      [429, limited, "rate limit of 1 requests per minute exceeded"],
      [503, broken(new Error(`Pool is closed: ${secret}`)), "database"],
      [500, broken(new Error(secret)), "internal error: the log has the cause under request"],
    ] as const) {
      const answer = await service.request("/page/tables/jobs", { headers: PERSON });
      const text = await answer.text();
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([status, "text/html; charset=UTF-8"]);
      expect(problemOn(text)).toContain(problem);
      expect(text).not.toContain("secret");
      expect(text).toContain('<a href="page/tables">Back to Tables</a>');
      expect(answer.headers.get("Retry-After") !== null).toBe(status !== 500);
    }
  });

  test("and htmx gets the same page, while programs get JSON", async () => {
    const { Authorization } = PERSON;
    const path = "/page/tables/jobs/7";
    const part = await app.request(path, { headers: { Authorization, "HX-Request": "true" } });
    expect([part.status, problemOn(await part.text())]).toEqual([404, "jobs has no id 7"]);
    const program = await app.request(path, { headers: { Authorization } });
    expect([program.status, program.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
  });
});

/** A pool that gives no connection. */
function failing(error: Error): typeof database.pool {
  const getConnection = (done: (error: Error) => void) => done(error);
  const callbacks = new Proxy(database.pool.pool, {
    get: (pool, name) => (name === "getConnection" ? getConnection : Reflect.get(pool, name)),
  });
  return new Proxy(database.pool, {
    get: (pool, name) => (name === "pool" ? callbacks : Reflect.get(pool, name)),
  });
}

describe.skipIf(withoutChromium !== "")(`in a browser${withoutChromium}`, () => {
  let person: Person;
  beforeAll(async () => {
    person = await personAt(app);
    await person.page.goto(person.root);
    await person.signIn("read-me");
    await person.page.getByText("Signed in as reader").waitFor();
  });
  afterAll(() => person?.close());

  /** A part of a view asks for an address by htmx when its button is clicked, and puts the answer in the button's place. */
  async function ask(address: string) {
    const { page } = person;
    await settled(page);
    await page.evaluate(`(() => {
      document.getElementById("part")?.remove();
      const part = document.createElement("div");
      part.id = "part";
      part.innerHTML = '<button type="button" hx-target="#part" hx-select="h1">here</button>';
      part.firstChild.setAttribute("hx-get", ${JSON.stringify(address)});
      document.getElementById("main").append(part);
      htmx.process(part);
    })()`);
    await page.getByRole("button", { name: "here" }).click();
  }

  test("a problem page has no fault for anybody", async () => {
    const { page, root, complaints } = person;
    await page.goto(`${root}page/tables/jobs/7`);
    expect(complaints()).toEqual([expect.stringContaining("404")]);
    expect(await faultsOf(person)).toEqual([]);
    await page.getByRole("link", { name: "Back to Tables" }).click();
    await page.getByRole("heading", { name: "Tables", exact: true }).waitFor();
  });

  test("a problem of a part stands above the view, the focus stays, and the next success takes it away", async () => {
    const { page, complaints } = person;
    await ask("page/tables/jobs/7");
    await page.getByRole("alert").getByText("jobs has no id 7").waitFor();
    expect(await page.evaluate("document.activeElement.textContent")).toBe("here");
    expect(complaints().join()).toContain("404");
    await ask("page/tables/jobs");
    await page.locator("#part").getByText("jobs").waitFor();
    expect(await page.locator("#problem").textContent()).toBe("");
  });

  test("the focus goes to the new part if what had it is gone", async () => {
    await ask("page/tables/departments");
    await until(async () => (await person.page.evaluate("document.activeElement.textContent")) === "departments");
    expect(person.complaints()).toEqual([]);
  });

  test("a part whose session has ended leads to the sign-in form, and back to the view", async () => {
    const { page, root } = person;
    await page.goto(`${root}page/tables`);
    await page.context().clearCookies();
    await ask("page/tables/jobs");
    await person.signIn("read-me");
    await page.getByRole("heading", { name: "Tables", exact: true }).waitFor();
    expect(page.url()).toBe(`${root}page/tables`);
    person.complaints();
  });

  test("a service that does not answer is said", async () => {
    const { page, complaints } = person;
    await page.route("**/page/tables/jobs", (route) => route.abort());
    await ask("page/tables/jobs");
    await page.getByRole("alert").getByText("The service did not answer").waitFor();
    complaints();
  });
});
