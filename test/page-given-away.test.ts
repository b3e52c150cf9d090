/** What the page must not show to everybody, and what it must not make of a form. */
import { afterAll, expect, test } from "bun:test";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { MusterError } from "../src/errors.ts";
import { readTokens } from "../src/http/auth.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);

test("only admins see on the overview why the store of backups cannot be used", async () => {
  const why = "access to the bucket payroll is denied";
  const store = Object.assign(new DirectoryStore("/"), {
    ids: () => Promise.reject(new MusterError("unavailable", why)),
  });
  const app = appOver(database, { store, tokens: readTokens("reader:read-me,writer:write-me,admin:all-of-it") });
  for (const [token, isShown] of [
    ["read-me", false],
    ["write-me", false],
    ["all-of-it", true],
  ] as const) {
    const html = await (await app.request("/", { headers: { Authorization: `Bearer ${token}` } })).text();
    expect([token, html.includes(why)]).toEqual([token, isShown]);
    expect(html).toContain(`Not available now: ${isShown ? why : "the store of the backups does not answer"}`);
  }
});

test("a form with bytes that are not UTF-8 is refused, and no other characters are put in their place", async () => {
  const app = appOver(database);
  const send = async (body: string | Uint8Array) => {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" };
    const answer = await app.request("http://localhost/page/rejections/verdict", { method: "POST", body, headers });
    return [answer.status, ((await answer.json()) as { detail: string }).detail];
  };
  const cell = "cell.1.name=";
  for (const text of [`${cell}%ff%fe`, `${cell}%C3`, `${cell}100%`, `${cell}%zz`])
    expect([text, await send(text)]).toEqual([
      text,
      [400, expect.stringContaining("does not begin a character of UTF-8")],
    ]);
  expect(await send(Buffer.concat([Buffer.from(cell), Buffer.from([0xff])]))).toEqual([
    400,
    "the body is not UTF-8: send it as UTF-8",
  ]);
  expect(await send(`${cell}${encodeURIComponent("100 % Zoë \uFFFD")}`)).toEqual([404, "there is no rejection 1"]);
});
