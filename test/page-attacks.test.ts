/** Attempts to make the page do what nobody asked for: forms of other sites, higher roles, huge forms, rows that nobody saw. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { readTokens } from "../src/http/auth.ts";
import { importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const { db, pool } = database;
const app = appOver(database, { tokens: readTokens("reader:read-me,writer:write-me,admin:all-of-it") });
afterAll(async () => {
  await database.close();
  await removeFolders();
});
beforeEach(database.empty);

const FORM = "application/x-www-form-urlencoded";
const OWN = { "Sec-Fetch-Site": "same-origin" };

async function sessionOf(token: string): Promise<{ Cookie: string }> {
  const body = new URLSearchParams({ token });
  const answer = await app.request("/sign-in", { method: "POST", body, headers: OWN });
  return { Cookie: (answer.headers.get("Set-Cookie") ?? "").split(";")[0] ?? "" };
}

type Fields = Record<string, string | string[]>;

const pairsOf = (fields: Fields) =>
  Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]));

/** Sends a form as the page does. */
async function send(path: string, fields: Fields | string, headers: Record<string, string> = {}) {
  const body = typeof fields === "string" ? fields : new URLSearchParams(pairsOf(fields)).toString();
  const sent = { "Content-Type": FORM, ...(await sessionOf("write-me")), ...OWN, ...headers };
  return app.request(path, { method: "POST", body, headers: sent });
}

const shown = async (path: string) => (await app.request(path, { headers: await sessionOf("write-me") })).text();

/** The fields of the form on a page that has this button. */
function formIn(html: string, button: string): Fields {
  const form = html.split("<form").find((each) => each.split("</form>")[0]?.includes(button)) ?? "";
  const fields: Record<string, string[]> = {};
  for (const [, name = "", value = ""] of form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g))
    fields[name] = [...(fields[name] ?? []), value];
  return fields;
}

/** Rows without a name, each rejected. */
async function rejected(...ids: number[]) {
  const rows = ids.map((id) => `${id},,2021-05-01T10:00:00Z,1,1\n`).join("");
  const files = { "departments.csv": "1,Sales\n", "jobs.csv": "1,Clerk\n", "hired_employees.csv": rows };
  await importSource(database, { source: await folderOf(files), report: { say() {} } });
}
const states = async () => (await listRejections(db, { limit: 50 })).map(({ state }) => state);

/** The forms of the page that write, and those that only look, with real ids in their paths. */
const posts = [
  ...new Set(app.routes.flatMap(({ path, method }) => (method === "POST" && path.startsWith("/page/") ? path : []))),
].map((path) => path.replace(":id", path.includes("backups") ? "20260101T000000Z-00000000" : Bun.randomUUIDv7()));

describe("each form below /page/", () => {
  test("is refused if a page of another site sends it, or nobody says who does", async () => {
    expect(posts.length).toBeGreaterThan(8);
    const cookie = await sessionOf("all-of-it");
    const senders: Record<string, string>[] = [
      {},
      { Origin: "null" },
      { Origin: "https://evil.example" },
      { Origin: "http://localhost.evil.example" },
      { Origin: "http://localhost@evil.example" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { "Sec-Fetch-Site": "none" },
      { "Sec-Fetch-Site": "cross-site", Origin: "http://localhost" },
    ];
    for (const path of posts) {
      for (const sender of senders) {
        for (const type of [FORM, "text/plain", "multipart/form-data; boundary=x", "application/json", "text/csv"]) {
          const headers = { ...cookie, ...sender, "Content-Type": type };
          const { status } = await app.request(path, { method: "POST", body: "a=b", headers });
          expect([path, sender, status]).toEqual([path, sender, Object.keys(sender).length === 0 ? 401 : 403]);
        }
      }
    }
  });

  test("is no form if its type is another, and no header makes a request another method", async () => {
    for (const path of posts.filter((each) => each.startsWith("/page/rejections"))) {
      for (const type of ["text/plain", "multipart/form-data; boundary=x", "application/json", ""])
        expect([path, (await send(path, "a=b", { "Content-Type": type })).status]).toEqual([path, 415]);
      const headers = { ...(await sessionOf("write-me")), ...OWN, "X-HTTP-Method-Override": "POST" };
      const { status } = await app.request(`${path}?_method=POST`, { method: "PUT", body: "", headers });
      expect([path, status]).toEqual([path, 401]);
    }
  });

  test("is refused for the role reader, and those of backups for the role writer", async () => {
    for (const [token, paths] of [
      ["read-me", posts],
      ["write-me", posts.filter((path) => path.includes("/backups"))],
    ] as const) {
      for (const path of paths) {
        const { status } = await send(path, "a=b", await sessionOf(token));
        expect([token, path, status]).toEqual([token, path, 403]);
      }
    }
  });
});

test("a form with tens of thousands of fields does not keep the service from answering others", async () => {
  await rejected(1);
  const [id] = (await listRejections(db, { limit: 1 })).map((each) => each.id);
  const names = Array.from({ length: 90_000 }, (_, index) => index);
  const selection = "table=hired_employees&cause=missing:name&scope=rows";
  const asked = performance.now();
  const columns = await send(
    "/page/rejections/replay",
    `${selection}&${names.map((n) => `cell.${id}.c${n}=x`).join("&")}`,
  );
  expect(columns.status).toBe(400);
  const rows = await send("/page/rejections/replay", `${selection}&${names.map((n) => `cell.${n}.name=x`).join("&")}`);
  expect(rows.status).toBe(413);
  const parts = names.map((n) => `--x\r\nContent-Disposition: form-data; name="f${n}"\r\n\r\na\r\n`).join("");
  const file = '--x\r\nContent-Disposition: form-data; name="file"; filename="jobs.csv"\r\n\r\n1,Clerk\n\r\n--x--\r\n';
  const headers = { "Content-Type": "multipart/form-data; boundary=x" };
  expect((await send("/page/load/inspection", parts + file, headers)).status).toBe(200);
  const tooMany = await send("/page/rejections/replay", "a=&".repeat(100_001));
  expect(await tooMany.text()).toContain("more than 100000 fields");
  // Quadratic work would take many minutes.
  expect(performance.now() - asked).toBeLessThan(20_000);
});

describe("rows that are rejected after a person has looked", () => {
  const group = "table=hired_employees&cause=missing:name";

  test("are not discarded with those that the question was about", async () => {
    await rejected(1, 2);
    const question = await shown(`/page/rejections/discard?${group}`);
    expect(question).toContain("Discard 2 rows of hired_employees?");
    await rejected(3);
    const answer = await send("/page/rejections/discard", formIn(question, "Discard 2 rows"));
    expect(answer.headers.get("Location")).toContain("discarded=2");
    expect(await states()).toEqual(["discarded", "discarded", "open"]);
  });

  test("are not changed by the rule whose preview did not show them", async () => {
    await rejected(1, 2);
    const preview = await shown(`/page/rejections/rule?${group}&rule=set&column=name&value=Ana`);
    expect(preview).toContain("2 would be stored");
    await rejected(3);
    const answer = await send("/page/rejections/replay", formIn(preview, "Change and replay these 2 rows"));
    expect(answer.status).toBe(303);
    expect(await states()).toEqual(["replayed", "replayed", "open"]);
    expect((await pool.query("SELECT id FROM hired_employees"))[0]).toMatchObject([{ id: 1 }, { id: 2 }]);
  });

  test("are not replayed with all rows of the group", async () => {
    await rejected(1, 2);
    const page = await shown(`/page/rejections/group?${group}`);
    await rejected(3);
    await send("/page/rejections/replay", formIn(page, "Replay all as they came"));
    expect(await states()).toEqual(["replayed", "replayed", "open", "open", "open"]);
    expect((await listRejections(db, { limit: 9 })).map(({ replaces }) => replaces !== undefined)).toEqual([
      ...[false, false, false, true, true],
    ]);
  });
});
