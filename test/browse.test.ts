/** The page's tables: their rows in pages, filters, downloads, and each row's own view with the rows around it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { KEYS, uuid } from "./support/kinds-schema.ts";
import { withoutChromium } from "./support/missing.ts";
import { musterWith } from "./support/muster-with.ts";
import { faultsOf, type Person, personAt, settled, settledWith } from "./support/person.ts";

const VALUES = `
import { set } from "./more-types.ts";
export const samples = mysqlTable("samples", {
  id: int("id").autoincrement().primaryKey(),
  note: text("note"),
  facts: json("facts"),
  tags: set("tags", { members: ["red", "blue"] }),
  bytes: varbinary("bytes", { length: 200 }),
  open: boolean("open"),
  amount: decimal("amount", { precision: 30, scale: 2 }),
});
`;
const muster = await musterWith({
  imports: `${KEYS.imports}, boolean, json, text, varbinary`,
  text: KEYS.text + VALUES,
});
const SCRIPT = "<script>alert(1)</script>";
const STRANGE = ["a/b", "a,b", "100%", "..", ".", "a\\b", "ö?&#=+", "row", SCRIPT, "=HYPERLINK(1)", "'\"", "%2F", "😀"];
let person: Person;

beforeAll(async () => {
  const answer = await muster.post("/insert", {
    departments: [{ id: 1, department: SCRIPT }],
    jobs: Array.from({ length: 120 }, (_, index) => ({
      id: index + 1,
      job: index === 4 ? "Baker" : `Job ${index + 1}`,
    })),
    hired_employees: [{ id: 7, name: "Ana", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 5 }],
    people: STRANGE.map((login, index) => ({ login, name: `person ${index}`, manager: index === 0 ? null : "a/b" })),
    devices: [{ uuid: uuid(1), name: "thermometer", owner: "a/b" }],
    days: [{ day: "2021-02-01", note: null }],
    readings: [{ device: uuid(1), day: "2021-02-01", slot: 3, reading: "1.500" }],
    remarks: [{ device: uuid(1), day: "2021-02-01", slot: 3, remark: "warm" }],
    counters: [{ number: 9, label: "x" }],
    editions: [{ counter: 9, language: "x,y/z", title: "T" }],
    chapters: [{ counter: 9, language: "x,y/z", place: 1, title: "C" }],
    samples: [
      {
        id: 1,
        note: `${"long ".repeat(40)}\nend`,
        facts: { a: [1, "<b>"] },
        tags: ["red", "blue"],
        bytes: "AAEC",
        open: true,
        amount: "12345678901234567890.10",
      },
      { id: 2, note: null, facts: null, tags: [], bytes: null, open: null, amount: null },
      { id: 3, note: "null", facts: "text", tags: null, bytes: null, open: false, amount: "0.00" },
    ],
  });
  expect([answer.status, answer.inserted, answer.rejected]).toEqual([201, answer.received, 0]);
  // Another program stored blank text, and a key that Muster refuses.
  await muster.database.pool.query("UPDATE samples SET note = '  ' WHERE id = 3");
  await muster.database.pool.query("INSERT INTO people (login, name) VALUES ('', 'nobody')");
});
afterAll(async () => {
  await person?.close();
  await muster.close();
  await removeFolders();
});

const textOf = async (path: string) => {
  const answer = await muster.app.request(path);
  expect([path, answer.status]).toEqual([path, 200]);
  return answer.text();
};
/** What a browser shows of HTML, roughly. */
const shown = (html: string) => html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

describe("the rows of a table", () => {
  test("are the rows of GET /TABLE, and what they hold stays text", async () => {
    const text = await textOf("/page/tables/people");
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).not.toContain(SCRIPT);
    expect(text).toContain("=HYPERLINK(1)");
  });

  test("show null, blank text, JSON, sets and bytes as what they are", async () => {
    const text = shown(await textOf("/page/tables/samples"));
    for (const part of ["blank text: 2 characters", "empty set", "red blue", "AAEC 3 bytes", "null", "true", "false"])
      expect(text).toContain(part);
    expect(text).toContain("12345678901234567890.10");
    expect(text).toContain("{&quot;a&quot;:[1,&quot;&lt;b&gt;&quot;]}");
    expect(text).not.toContain("end");
    const row = await textOf("/page/tables/samples/1");
    expect(row).toContain(`${"long ".repeat(40)}\nend`);
    expect(shown(row)).toContain("Hexadecimal 000102");
    expect(row).toContain("{\n  &quot;a&quot;: [\n");
    expect(shown(await textOf("/page/tables/samples/2"))).toMatch(/note text null facts json null tags set empty set/);
  });

  test("are fewer on a page if they are long", async () => {
    const values = Array.from({ length: 100 }, (_, index) => `(${1000 + index}, REPEAT('long ', 12000))`);
    await muster.database.pool.query(`INSERT INTO samples (id, note) VALUES ${values.join(", ")}`);
    const text = await textOf("/page/tables/samples?limit=500");
    expect(text.match(/<th scope="row"/g)?.length).toBe(73);
    expect(text).toContain('href="page/tables/samples?limit=500&amp;cursor=1069"');
    await muster.database.pool.query("DELETE FROM samples WHERE id >= 1000");
  });

  test("can be downloaded by a link, with the same filters", async () => {
    const page = await textOf("/page/tables/jobs?job=Baker");
    for (const [form, name, start] of [
      ["csv", "jobs.csv", "id,job\r\n5,Baker\r\n"],
      ["ndjson", "jobs.ndjson", '{"id":5,"job":"Baker"}\n'],
      ["spreadsheet", "jobs.csv", "\uFEFF"],
    ] as const) {
      const address = `page/tables/jobs/as/${form}?job=Baker`;
      expect(page).toContain(`href="${address}"`);
      const answer = await muster.app.request(`/${address}`, { headers: { Accept: "text/html" } });
      expect(answer.headers.get("Content-Disposition")).toBe(`attachment; filename="${name}"`);
      expect(new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.bytes())).toStartWith(start);
    }
    expect((await textOf("/page/tables/jobs/as/csv")).split("\r\n").length).toBe(122);
    const wrong = await muster.app.request("/page/tables/jobs/as/csv?id=x", { headers: { Accept: "text/html" } });
    expect([wrong.status, wrong.headers.get("Content-Disposition")]).toEqual([400, null]);
  });

  test("a filter of the form becomes the filter of GET /TABLE, and an empty value means null", async () => {
    const place = async (query: string) =>
      (await muster.app.request(`/page/tables/samples?${query}`)).headers.get("Location");
    expect(await place("filter.column=note&filter.value=a+%26+b&limit=50")).toBe(
      "../../page/tables/samples?note=a+%26+b",
    );
    expect(await place("filter.column=note&filter.value=&limit=100&id=2&cursor=9")).toBe(
      "../../page/tables/samples?id=2&note=&limit=100",
    );
    expect(await place("filter.column=&filter.value=x&limit=500")).toBe("../../page/tables/samples?limit=500");
    expect(shown(await textOf("/page/tables/samples?note="))).toMatch(/note is null Remove.* 1 row, by id/);
  });

  test("says what is wrong with a filter, beside the form", async () => {
    for (const [query, problem] of [
      ["id=x", "id must be a whole number, not &quot;x&quot;"],
      ["facts=1", "&quot;facts&quot; is not known"],
      ["cursor=x", "cursor must be taken from the Link"],
      ["limit=7", "limit must be one of 50, 100, 500"],
      ["id=1&id=2", "id must be given once"],
    ] as const) {
      const answer = await muster.app.request(`/page/tables/samples?${query}`, { headers: { Accept: "text/html" } });
      expect([query, answer.status]).toEqual([query, 400]);
      expect(await answer.text()).toContain(problem);
    }
    for (const path of [
      "/page/tables/nothing",
      "/page/tables/jobs/999",
      "/page/tables/jobs/x",
      "/page/tables/jobs/as/xml",
    ])
      expect([path, (await muster.app.request(path)).status]).toEqual([path, 404]);
  });
});

test("every row of any key has a view that its link leads to", async () => {
  let links = 0;
  let rows = 0;
  for (const { name } of muster.tables) {
    const text = await textOf(`/page/tables/${name}?limit=500`);
    for (const [, address = ""] of text.matchAll(/<th scope="row"[^>]*><a href="([^"]*)"/g)) {
      // As a browser resolves it.
      const url = new URL(address.replaceAll("&amp;", "&"), "http://localhost/");
      expect(shown(await textOf(url.pathname + url.search))).toContain(name);
      links++;
    }
    rows += (await muster.select("SELECT 1 FROM ??", [name])).length;
  }
  // The row with an empty key has no view.
  expect(links).toBe(rows - 1);
});

describe.skipIf(withoutChromium !== "")(`in a browser${withoutChromium}`, () => {
  beforeAll(async () => {
    person = await personAt(muster.app, { prefix: "/muster", javaScriptEnabled: true });
  });

  test("a person goes through pages, filters by a column and takes the filter away", async () => {
    const { page, root } = person;
    await page.goto(`${root}page/tables`);
    await page.getByRole("link", { name: "Rows of jobs" }).click();
    await settled(page);
    const rows = page.locator("tbody tr");
    expect(await rows.count()).toBe(50);
    for (const [link, caption, count] of [
      ["Next page", "The next 50 rows, by id", 50],
      ["Next page", "The next 20 rows, by id", 20],
      ["First page", "50 rows, by id", 50],
    ] as const) {
      await page.getByRole("link", { name: link }).click();
      await settledWith(page.getByRole("table", { name: caption, exact: true }));
      expect(await rows.count()).toBe(count);
    }
    await page.getByLabel("Column").selectOption("job");
    await page.getByLabel("Value, exactly").fill("Baker");
    await page.getByRole("button", { name: "Filter" }).click();
    await settledWith(page.getByRole("link", { name: "Remove the filter by job" }));
    expect(page.url()).toBe(`${root}page/tables/jobs?job=Baker`);
    expect(await rows.allTextContents()).toEqual(["5Baker"]);
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "CSV", exact: true }).click();
    expect((await download).suggestedFilename()).toBe("jobs.csv");
    await page.getByRole("link", { name: "Remove the filter by job" }).click();
    await page.getByRole("table", { name: "50 rows, by id", exact: true }).waitFor();
    expect(await faultsOf(person)).toEqual([]);
  });

  test("a person follows references from a row to its parents and children, by keys of any kind", async () => {
    const { page, root } = person;
    const heading = (name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
    await page.goto(`${root}page/tables/remarks`);
    await page.locator("tbody th a").click();
    await page.getByRole("link", { name: /^readings/ }).click();
    await heading(`readings ${uuid(1)}, 2021-02-01, 3`);
    await page.getByRole("link", { name: "Rows of remarks" }).click();
    await page.getByRole("table", { name: "1 row, by id" }).waitFor();
    await page.goto(`${root}page/tables/chapters`);
    await page.locator("tbody th a").click();
    await page.getByRole("link", { name: /^editions/ }).click();
    await heading("editions 9, x,y/z");
    await page.getByRole("link", { name: "Rows of chapters" }).click();
    await settled(page);
    expect(await page.locator("tbody tr").count()).toBe(1);
    await page.goto(`${root}page/tables/people?login=..`);
    await page.locator("tbody th a").click();
    await heading("people ..");
    await page.getByRole("link", { name: "people a/b" }).click();
    await heading("people a/b");
    await page.getByRole("link", { name: "Rows of people" }).click();
    await settled(page);
    expect(await page.locator("tbody tr").count()).toBe(STRANGE.length - 1);
  });

  test.each([
    "page/tables",
    "page/tables/samples",
    "page/tables/people",
    "page/tables/readings",
    "page/tables/samples/1",
    "page/tables/samples/2",
    "page/tables/hired_employees/7",
  ])("%s has no fault for anybody", async (address) => {
    await person.page.goto(person.root + address);
    expect(await faultsOf(person)).toEqual([]);
  });

  test("everything works without JavaScript", async () => {
    const plain = await personAt(muster.app, { prefix: "/muster", javaScriptEnabled: false });
    const { page, root } = plain;
    await page.goto(`${root}page/tables/jobs`);
    await page.getByRole("link", { name: "Next page" }).click();
    await page.getByLabel("Column").selectOption("job");
    await page.getByLabel("Value, exactly").fill("Baker");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.locator("tbody th a").click();
    await page.getByRole("link", { name: "Rows of hired_employees" }).click();
    await settled(page);
    expect(await page.locator("tbody th").allTextContents()).toEqual(["7"]);
    await plain.close();
  });
});
