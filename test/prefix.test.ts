/** The page behind a reverse proxy that serves it under a path: every link, form, file and redirect stays below the path. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { withoutChromium } from "./support/missing.ts";
import { faultsOf, type Person, personAt } from "./support/person.ts";

const database = await freshDatabase();
const store = new DirectoryStore(await folderOf({}));
const app = appOver(database, { store, tokens: readTokens("reader:read-me,writer:write-me,admin:rule-me") });
const ROOT = "http://muster.example/muster/";
const Authorization = "Bearer rule-me";

beforeAll(async () => {
  const source = await folderOf({
    "departments.csv": "1,Legal\n2,Sales\n",
    "jobs.csv": "1,Clerk\n",
    "hired_employees.csv":
      "1,Ana,2021-11-07T02:48:42Z,1,1\n2,Bo,2021-13-07T02:48:42Z,1,1\n3,Cy,2021-02-07T02:48:42Z,9,1\n",
  });
  await importSource(database, { source, report: { say() {} } });
  const body = JSON.stringify({ table: ["departments", "jobs"] });
  const headers = { Authorization, "Content-Type": "application/json" };
  expect((await app.request("/backup", { method: "POST", headers, body })).status).toBe(201);
});
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const ADDRESSES = ["href", "src", "action", "hx-get", "hx-post", "sse-connect", "data-href"];

/** The addresses on a page as a browser resolves them, and whether it reads them without fields of a form. */
async function addressesOn(html: string, url: string): Promise<{ address: string; isRead: boolean }[]> {
  let base: string = url;
  const found: { address: string; isRead: boolean }[] = [];
  const rewriter = new HTMLRewriter()
    .on("base", {
      element(each) {
        base = new URL(each.getAttribute("href") ?? "", url).href;
      },
    })
    .on("*", {
      element(each) {
        if (each.tagName === "base") return;
        for (const name of ADDRESSES) {
          const text = each.getAttribute(name)?.replaceAll("&amp;", "&");
          if (text === undefined || text.startsWith("data:")) continue;
          found.push({ address: new URL(text, base).href, isRead: name === "href" || name === "src" });
        }
      },
    });
  await rewriter.transform(new Response(html)).text();
  return found;
}

/** One address of each kind is enough: links to the next year would have no end. */
function kindOf(address: string): string {
  const { origin, pathname, searchParams } = new URL(address);
  return [origin + pathname, ...new Set(searchParams.keys())].join(" ");
}

test("no address on any page leads out of the path, and each that is read leads to something", async () => {
  const seen = new Set<string>();
  const waiting = [ROOT];
  const outside: string[] = [];
  const wrong: string[] = [];
  const forms = new Set<string>();
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const asked = url.replace(/#.*/, "");
    if (seen.has(kindOf(asked))) continue;
    seen.add(kindOf(asked));
    const headers = { Authorization, Accept: "text/html,*/*", "Sec-Fetch-Mode": "navigate" };
    const answer = await app.request(asked.slice(ROOT.length - 1), { headers });
    if (answer.status !== 200) wrong.push(`${answer.status} ${asked}`);
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) continue;
    for (const { address, isRead } of await addressesOn(await answer.text(), asked)) {
      if (!address.startsWith(ROOT)) outside.push(`${address} on ${asked}`);
      else if (isRead) waiting.push(address);
      else forms.add(address.slice(ROOT.length));
    }
  }
  expect([outside, wrong]).toEqual([[], []]);
  // All views were there.
  for (const view of [
    "page/tables",
    "page/tables/jobs/1",
    "page/reports",
    "page/load",
    "page/rejections",
    "page/runs",
    "page/backups",
    "docs",
  ])
    expect([view, seen.has(ROOT + view)]).toEqual([view, true]);
  expect(forms).toContain("page/backups");
});

test("with PUBLIC_URL, Link and Location begin with its path, and without it at the root", async () => {
  const under = appOver(database, { store, publicPath: "/muster" });
  for (const [root, over] of [
    ["", app],
    ["/muster", under],
  ] as const) {
    const headers = { Authorization, "Content-Type": "application/json", Host: "localhost" };
    const page = await over.request("/departments?limit=1", { headers });
    expect(page.headers.get("Link")).toStartWith(`<${root}/departments?`);
    const made = await over.request("/backup", { method: "POST", headers, body: '{"table": ["jobs"]}' });
    expect(made.headers.get("Location")).toStartWith(`${root}/backups/`);
  }
});

test("a page that says what went wrong has its files and its way back, however deep it is", async () => {
  for (const path of [
    "/no",
    "/page/no",
    "/page/tables/jobs/999",
    "/page/a/b/c/d/e",
    "/runs/none",
    "/page/tables/no%2Fx/y",
  ]) {
    const answer = await app.request(path, {
      headers: { Authorization, Accept: "text/html", "Sec-Fetch-Mode": "navigate" },
    });
    expect([path, answer.status]).toEqual([path, 404]);
    const url = ROOT.slice(0, -1) + path;
    const addresses = (await addressesOn(await answer.text(), url)).map(({ address }) => address);
    expect(addresses.filter((address) => !address.startsWith(ROOT))).toEqual([]);
    expect(addresses).toContain(ROOT);
  }
});

describe.skipIf(withoutChromium !== "")(`in a browser${withoutChromium}`, () => {
  let person: Person;
  beforeAll(async () => {
    person = await personAt(app, { prefix: "/muster" });
  });
  afterAll(() => person?.close());

  test("a person comes by the path without its last slash, signs in, and is at the view that was asked for", async () => {
    const { page, root, complaints } = person;
    await page.goto(root.slice(0, -1));
    expect(page.url()).toBe(root);
    await page.getByLabel("Token").waitFor();
    await page.goto(`${root}page/tables/jobs?job=Clerk`);
    await person.signIn("wrong");
    await page.getByText("This token is not known.").waitFor();
    expect(complaints()).toEqual([expect.stringContaining("401")]);
    expect(await faultsOf(person)).toEqual([]);
    await person.signIn("rule-me");
    await page.getByText("Signed in as admin").waitFor();
    expect(page.url()).toBe(`${root}page/tables/jobs?job=Clerk`);
    const [cookie] = await page.context().cookies();
    expect([cookie?.path, cookie?.httpOnly, cookie?.sameSite]).toEqual(["/muster", true, "Strict"]);
  });

  test("a person goes to every view by the navigation", async () => {
    const { page } = person;
    for (const name of await page.getByRole("navigation", { name: "Views" }).getByRole("link").allTextContents()) {
      if (name === "API") continue;
      await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name, exact: true }).click();
      await page.getByRole("link", { name, exact: true }).and(page.locator("[aria-current]")).waitFor();
      expect([name, await faultsOf(person)]).toEqual([name, []]);
    }
  });

  test("the API's page sends its requests below the path", async () => {
    const { page, root } = person;
    await page.goto(`${root}docs`);
    const operation = page.locator("#operations-departments-getDepartments");
    await operation.getByText("Rows of departments, by id").click();
    await operation.getByRole("button", { name: "Try it out" }).click();
    const asked = page.waitForRequest((request) => request.url().includes("/departments"));
    await operation.getByRole("button", { name: "Execute" }).click();
    expect((await asked).url()).toBe(`${root}departments`);
    await operation.locator(".live-responses-table .response").getByText('"Legal"').waitFor();
    await page.getByRole("link", { name: "Muster", exact: true }).click();
    await page.waitForURL(root);
  });

  test("a form of a deep page leads on below the path, and signing out ends the session", async () => {
    const { page, root } = person;
    await page.goto(`${root}page/backups`);
    await page.locator("main form button[type=submit]").first().click();
    await page.waitForURL(/\/muster\/page\/runs\/[\w-]+$/);
    await page.getByText("succeeded").first().waitFor();
    await page.goto(`${root}page/tables`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    expect([page.url(), await page.context().cookies()]).toEqual([root, []]);
  });
});
