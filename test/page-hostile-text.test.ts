/** Hostile names, cells and parameters: they stay text on every view, and no view fails or stores anything because of them. */
import { afterAll, describe, expect, test } from "bun:test";
import { importSource } from "../src/ingest/import.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { select } from "./support/observe.ts";

const database = await freshDatabase();
const { db, pool } = database;
const app = appOver(database);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const MARK = `"'><img src=x hx-get=page/runs onerror=alert(1)><script>alert(1)</script>`;
const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
const source = await folderOf({
  "departments.csv": `1,${cell(MARK)}\n2,javascript:alert(1)\n`,
  "jobs.csv": `1,${cell(`${MARK} job`)}\n`,
  "hired_employees.csv": [
    `1,${cell(MARK)},2021-05-01T10:00:00Z,1,1`,
    `2,${cell(MARK)},${cell(MARK)},9,1`,
    `3,${cell(`${"x".repeat(60_000)}${MARK}`)},2021-05-01T10:00:00Z,1,1`,
    "",
  ].join("\n"),
});
await importSource(database, { source, report: { say() {} } });
// A client that sends JSON can make up the name of a field.
await app.request("/insert", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ departments: [{ id: 7, department: "x", [MARK]: "y" }] }),
});
const [run] = await listRuns(db, { limit: 1 });
const rejected = await listRejections(db, { limit: 9 });

const HOSTILE = [
  ...[
    MARK,
    "javascript:alert(1)",
    "../../etc/passwd",
    "a\r\nSet-Cookie: x=y",
    "\0",
    "\u202Eabc",
    "\uD800",
    "x".repeat(9_000),
  ],
  ...[
    "%",
    "%ff",
    "__proto__",
    "constructor",
    "-1",
    "1e9",
    "99999999999999999999",
    " ",
    "'; DROP TABLE jobs; --",
    "{{7*7}}",
  ],
];
const VIEWS: Record<string, string[]> = {
  "page/reports": ["year", "sort", "order", "department", "job", "by", "filter"],
  "page/rejections": ["run"],
  "page/rejections/group": [
    "table",
    "cause",
    "run",
    "from",
    "done",
    "rule",
    "column",
    "value",
    "after",
    "upTo",
    "left",
  ],
  "page/rejections/rule": ["table", "cause", "rule", "column", "value", "formats", "zone", "id"],
  "page/rejections/discard": ["table", "cause", "run"],
  "page/runs": ["before"],
  "page/backups": ["before"],
  "page/tables/jobs": ["id", "job", "limit", "cursor", "filter.column", "filter.value"],
  "page/tables/jobs/row": ["key"],
  "page/tables/jobs/as/csv": ["job"],
};
const group = { table: "hired_employees", cause: "missing:name", rule: "set", column: "name", value: "x" };

/** What is wrong with an answer. */
async function faultOf(path: string): Promise<string | undefined> {
  const answer = await app.request(path, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  const type = answer.headers.get("Content-Type") ?? "";
  const policy = answer.headers.get("Content-Security-Policy") ?? "";
  const place = answer.headers.get("Location") ?? "";
  if (answer.status >= 500) return `${answer.status}: ${text.slice(0, 300)}`;
  if (answer.headers.has("Set-Cookie")) return "it sets a cookie";
  if (place !== "" && !/^(\.\.\/)*page\//.test(place)) return `it leads to ${place}`;
  if (policy === "" || policy.includes("unsafe") || (type.includes("html") && !policy.includes("base-uri")))
    return `its policy is ${policy}`;
  // The last one is a quotation mark that ends an attribute.
  const markup = /.{0,60}(<img src=x|<script>|(href|src|action)="javascript:|"(&#39;|')&gt;&lt;img).{0,60}/.exec(text);
  if (type.includes("html") && markup) return markup[0];
  return undefined;
}

/** Every row of every table. */
async function content(): Promise<unknown> {
  const tables = (await select(pool, "SHOW TABLES")).map((row) => String(Object.values(row)[0]));
  return Promise.all(tables.map(async (table) => [table, await select(pool, `SELECT * FROM \`${table}\``)]));
}

describe("text that looks like HTML, a script or a header", () => {
  test("stays text wherever a view shows stored data", async () => {
    const ids = rejected.map(({ id }) => `page/rejections/${id}`);
    const groups = ["missing:name", "unknown_field:x"].map(
      (cause) => `page/rejections/group?table=hired_employees&cause=${cause}`,
    );
    const html = await (await app.request("/page/rejections")).text();
    const links = [...html.matchAll(/href="(page\/rejections\/group[^"]*)"/g)].map(([, to = ""]) =>
      to.replaceAll("&amp;", "&"),
    );
    expect(links.length).toBeGreaterThan(2);
    const all = [
      "",
      "page/reports",
      "page/runs",
      `page/runs/${run?.id}`,
      "page/rejections",
      "page/tables",
      "page/load",
      ...ids,
      ...groups,
      ...links,
    ];
    for (const table of ["departments", "jobs", "hired_employees"])
      all.push(`page/tables/${table}`, `page/tables/${table}/1`);
    for (const path of all) expect([path, await faultOf(`/${path}`)]).toEqual([path, undefined]);
  });

  test("is refused or stays text as a parameter or in a path, and nothing is stored", async () => {
    const before = await content();
    for (const [view, names] of Object.entries(VIEWS)) {
      for (const name of names) {
        for (const text of HOSTILE) {
          const given: Record<string, string> = view.startsWith("page/rejections/") ? group : {};
          const known = Object.fromEntries(Object.entries(given).filter(([key]) => names.includes(key)));
          const path = `/${view}?${new URLSearchParams({ ...known, [name]: text })}`;
          expect([path.slice(0, 200), await faultOf(path)]).toEqual([path.slice(0, 200), undefined]);
        }
      }
    }
    for (const view of [
      "page/runs",
      "page/backups",
      "page/tables",
      "page/tables/jobs",
      "page/rejections",
      "page",
      "page/assets",
    ]) {
      for (const text of HOSTILE) {
        const path = `/${view}/${encodeURIComponent(text.toWellFormed())}`;
        expect([path.slice(0, 200), await faultOf(path)]).toEqual([path.slice(0, 200), undefined]);
      }
    }
    expect(await content()).toEqual(before);
  });
});
