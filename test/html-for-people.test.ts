/** JSON and errors as pages, for browsers that people steer. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readTokens } from "../src/http/auth.ts";
import { appOver, posted } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
const guarded = appOver(database, { tokens: readTokens("reader:read-me,admin:rule-me") });
const local = appOver(database);
afterAll(database.close);
beforeAll(async () => {
  await local.request("/departments", posted([{ id: 1, department: "<script>alert(1)</script>" }]));
});

const Accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const going = { headers: { Accept, "Sec-Fetch-Mode": "navigate" } };
const plain = { headers: { Accept, "Upgrade-Insecure-Requests": "1" } };

test.each([
  ["/?year=2022", 400, "is not known", "./"],
  ["/runs/019aadc4-5f00-7000-8000-000000000001", 404, "there is no run", "../"],
  ["/no/such/page", 404, "there is nothing at", "../../"],
  ["/runs?state=x", 400, "is not known", "./"],
])("a browser gets the problem of %s as a page with a link home", async (path, status, detail, home) => {
  for (const request of [going, plain]) {
    const answer = await local.request(path, request);
    const text = await answer.text();
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([status, "text/html; charset=UTF-8"]);
    for (const part of [detail, `<base href="${home}"/>`, `<a href="./">`]) expect(text).toContain(part);
  }
  const program = await local.request(path);
  expect([program.status, program.headers.get("Content-Type")]).toEqual([status, "application/problem+json"]);
});

test("a browser is sent to the sign-in form if a token is needed, and gets the page's own errors as a page", async () => {
  const answer = await guarded.request("/runs", going);
  expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([401, 'Bearer realm="muster"']);
  expect(await answer.text()).toContain('<a href="./">Sign in</a>');
  for (const path of ["/?year=2022", "/no/such/page", "/docs/nothing"]) {
    const page = await local.request(path, { headers: { Accept: "text/html" } });
    expect([path, page.headers.get("Content-Type")]).toEqual([path, "text/html; charset=UTF-8"]);
  }
});

test("a browser gets data as an escaped page, while programs that accept text/html too get JSON", async () => {
  const answer = await local.request("/departments", going);
  expect([answer.status, answer.headers.get("ETag")]).toEqual([200, null]);
  const text = await answer.text();
  expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(text).not.toContain("<script>");
  const java = { headers: { Accept: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" } };
  for (const path of ["/departments", "/departments/99"])
    expect((await local.request(path, java)).headers.get("Content-Type")).toMatch(/^application\/(problem\+)?json/);
});
