import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { type Schema, Type } from "avsc";
import type { RowDataPacket } from "mysql2/promise";
import { type AvroSchema, exactLong } from "../src/codecs/avro.ts";
import { writeContainer } from "../src/codecs/avro-container.ts";
import { type ImportOptions, importSource } from "../src/ingest/import.ts";
import { replayOpen } from "../src/ingest/replay-batches.ts";
import { listRejections } from "../src/repositories/rejection-log.ts";
import { listRuns, type Progress } from "../src/repositories/run-log.ts";
import { putText } from "../src/s3/objects.ts";
import { start } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { AT_THE_GATE, underWay, until } from "./support/observe.ts";
import { settingsFor, startS3 } from "./support/s3.ts";

const database = await freshDatabase();
const s3 = await startS3();
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});

beforeEach(async () => {
  s3.reset();
  await database.empty();
});

const PARENTS = { "departments.csv": "1,Sales\n2,Legal\n", "jobs.csv": "1,Clerk\n2,Judge\n" };

type Employee = Record<"id" | "name" | "datetime" | "department_id" | "job_id", unknown>;
const employee = (id: number | null, changes: Partial<Employee> = {}): Employee => ({
  id,
  name: "Ana",
  datetime: "2021-05-01T10:00:00Z",
  department_id: 1,
  job_id: 2,
  ...changes,
});

/** Good rows, an identical one, and one for each rule that can be broken in every form. */
const EMPLOYEES = [
  employee(1),
  employee(2, { name: "O'Neil, é😀", datetime: "2021-11-07T03:48:42.500+01:00" }),
  employee(1),
  employee(1, { name: "Bo" }),
  employee(null),
  employee(3, { name: "  ", department_id: null }),
  employee(4, { datetime: "2021-02-30T00:00:00Z", job_id: 9 }),
  employee(-5),
  employee(6, { name: "x".repeat(256) }),
];

const csv = (rows: Employee[]) =>
  rows.map((row) => `${Object.values(row).map((cell) => (cell === null ? "" : `"${cell}"`))}\n`).join("");
const ndjson = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

const field = (name: string, type: unknown) => ({ name, type });
const AVRO: AvroSchema = {
  type: "record",
  name: "from_elsewhere",
  // In another order than the table's columns.
  fields: [
    field("name", ["null", "string"]),
    field("id", ["null", "int", "double"]),
    field("datetime", ["string", "null"]),
    field("job_id", "long"),
    field("department_id", ["null", "int"]),
  ],
};
/** A number beyond 2^53, such as the microseconds of the year 999, is given as text. */
const exactLongs = (schema: Schema) => ((schema as { type?: unknown }).type === "long" ? exactLong : undefined);

const JOBS_AVRO: AvroSchema = {
  type: "record",
  name: "jobs",
  fields: [field("id", "int"), field("job", "string")],
};
const JOBS = Array.from({ length: 2 }, (_, at) => ({ id: at + 1, job: `job ${at + 1}` }));
const timestamps = (logicalType: string): AvroSchema => ({
  ...AVRO,
  fields: AVRO.fields.map((each) =>
    each.name === "datetime" ? field("datetime", ["null", { type: "long", logicalType }]) : each,
  ),
});

/** avsc takes the value of a union with similar branches under the name of its branch. */
const branched = (rows: Employee[]) => rows.map((row) => ({ ...row, id: row.id === null ? null : { int: row.id } }));

async function avro(rows: object[], schema = AVRO, blockRows = 4): Promise<Buffer> {
  const type = Type.forSchema(schema as Schema, { wrapUnions: "auto", typeHook: exactLongs });
  async function* blocks() {
    for (let start = 0; start < rows.length; start += blockRows) {
      const part = rows.slice(start, start + blockRows);
      yield { count: part.length, data: Buffer.concat(part.map((row) => type.toBuffer(row))) };
    }
  }
  return Buffer.concat(await Array.fromAsync(writeContainer(schema, "deflate", blocks())));
}

async function importFrom(source: string, options: Partial<ImportOptions> = {}) {
  const lines: string[] = [];
  const report = { say: (line: string) => void lines.push(line) };
  return { ...(await importSource(database, { source, report, s3: settingsFor(s3.endpoint), ...options })), lines };
}

const load = async (files: Record<string, string | Uint8Array>, options: Partial<ImportOptions> = {}) =>
  importFrom(await folderOf(files), options);

async function stored(table = "hired_employees"): Promise<unknown[]> {
  const [rows] = await database.pool.query<RowDataPacket[]>(`SELECT * FROM ${table} ORDER BY id`);
  return rows;
}

const rejected = async () => (await listRejections(database.db, { limit: 100 })) ?? [];
const verdicts = async () =>
  (await rejected()).map(
    ({ position, reasons }) => [position, reasons.map(({ code, field }) => [code, field])] as const,
  );

/** Imports a file; another program runs a statement after the rows are read and before they are published. */
async function whileTheGateIsHeld<T>(start: () => Promise<T>, sql: string): Promise<T> {
  const other = await database.pool.getConnection();
  await other.beginTransaction();
  await other.query("SELECT * FROM muster_gates FOR UPDATE");
  const importing = start();
  await underWay(database, AT_THE_GATE); // the rows are read by now
  await other.query(sql);
  await other.commit();
  other.release();
  return await importing;
}

async function refusal(importing: Promise<unknown>): Promise<{ code: string; message: string }> {
  const { code, message } = await importing.then(
    () => ({ code: "none", message: "" }),
    (error) => error,
  );
  return { code, message };
}

async function expectNothingChanged() {
  for (const table of ["hired_employees", "departments", "jobs"]) expect(await stored(table)).toEqual([]);
  expect(await rejected()).toEqual([]);
  expect((await listRuns(database.db, { limit: 5 })).map(({ status }) => status)).not.toContain("succeeded");
}

const EMPLOYEES_AVRO = await avro(branched(EMPLOYEES));

describe("every form gives the same rows and verdicts as CSV", () => {
  test.each([
    ["hired_employees.csv", csv(EMPLOYEES)],
    ["hired_employees-2021.csv.gz", gzipSync(csv(EMPLOYEES))],
    ["hired_employees.NDJSON", ndjson(EMPLOYEES)],
    ["hired_employees/a.ndjson.gz", gzipSync(ndjson(EMPLOYEES))],
    ["hired_employees.avro", EMPLOYEES_AVRO],
  ])("%s", async (name, content) => {
    const { tables } = await load({ ...PARENTS, [name]: content });
    expect(tables.hired_employees).toEqual({ received: 9, inserted: 2, unchanged: 1, rejected: 6, withheld: 0 });
    expect(await stored()).toMatchObject([
      { id: 1, name: "Ana", datetime: "2021-05-01 10:00:00.000", department_id: 1, job_id: 2 },
      { id: 2, name: "O'Neil, é😀", datetime: "2021-11-07 02:48:42.500" },
    ]);
    expect(await verdicts()).toEqual([
      [4, [["duplicate_id", "id"]]],
      [5, [["missing", "id"]]],
      [
        6,
        [
          ["missing", "name"],
          ["missing", "department_id"],
        ],
      ],
      [
        7,
        [
          ["invalid_datetime", "datetime"],
          ["unknown_reference", "job_id"],
        ],
      ],
      [8, [["out_of_range", "id"]]],
      [9, [["too_long", "name"]]],
    ]);
    const [first] = await rejected();
    expect(first?.file).toBe(name);
    if (!name.includes(".csv")) {
      expect(first).not.toHaveProperty("columns");
      expect(JSON.parse(first?.raw ?? "")).toEqual(employee(1, { name: "Bo" }));
    }
  });
});

test("a directory may mix the forms, and a reference finds its parent in any form", async () => {
  const { tables, lines } = await load({
    "departments.ndjson.gz": gzipSync('{"id": 1, "department": "Sales"}\n'),
    "jobs.avro": await avro(JOBS, JOBS_AVRO),
    "hired_employees.csv": csv([employee(1)]),
    "hired_employees/more.ndjson": ndjson([employee(2)]),
    "hired_employees.orc": "[]",
    "jobs.gz": "",
  });
  expect([tables.departments, tables.jobs, tables.hired_employees].map((counts) => counts?.inserted)).toEqual([
    1, 2, 2,
  ]);
  expect(lines.join()).toContain("hired_employees.orc");
  expect(lines.join()).toContain("jobs.gz");
});

test("a line of NDJSON that is not a row rejects only itself", async () => {
  const long = JSON.stringify({ id: 5, job: "x".repeat(1_100_000) });
  const lines = [
    '\uFEFF{"id": 1, "job": "a"}\r',
    "",
    '{"id": 2, "job": "b"',
    '["id", 3]',
    '{"id": 4, "job": "c", "pay": 1}',
    long,
    '{"id": 6, "job": "d", "job": "e"}',
    `{"id": 7, "job": "caf\xe9"}`,
    '{"id": 8, "job": "f"}',
  ];
  const bytes = Buffer.concat(lines.map((line, at) => Buffer.from(`${line}\n`, at === 7 ? "latin1" : "utf8")));
  const { tables } = await load({ "jobs.ndjson": bytes.subarray(0, bytes.length - 1) });
  expect(tables.jobs).toMatchObject({ received: 8, inserted: 2, rejected: 6 });
  expect(await stored("jobs")).toEqual([
    { id: 1, job: "a" },
    { id: 8, job: "f" },
  ]);
  expect((await verdicts()).map(([position, [reason]]) => [position, reason?.[0]])).toEqual([
    [3, "wrong_type"],
    [4, "wrong_type"],
    [5, "unknown_field"],
    [6, "too_long"],
    [7, "unknown_field"],
    [8, "invalid_text"],
  ]);
  const raws = (await rejected()).map(({ raw }) => raw);
  expect(raws.slice(0, 2)).toEqual(['{"id": 2, "job": "b"', '["id", 3]']);
  expect(raws[3]).toHaveLength(65_536);
});

test.each([
  ["timestamp-millis", 1],
  ["timestamp-micros", 1000],
])("an Avro datetime may be a %s, but not a number without a unit", async (logicalType, perMs) => {
  const at = (text: string) => {
    const units = Date.parse(text) * perMs;
    return Number.isSafeInteger(units) ? units : String(units);
  };
  const rows = [
    employee(1, { datetime: at("2021-05-01T10:00:00.250Z") }),
    employee(2, { datetime: null }),
    employee(3, { datetime: at("0999-12-31T00:00:00Z") }),
    employee(4, { datetime: at("1969-12-31T23:59:59.999Z") }),
  ];
  const { tables } = await load({
    ...PARENTS,
    "hired_employees.avro": await avro(branched(rows), timestamps(logicalType)),
    "hired_employees-2.avro": await avro(
      branched([employee(5, { datetime: 1 })]),
      timestamps("local-timestamp-millis"),
    ),
  });
  expect(tables.hired_employees).toMatchObject({ inserted: 2, rejected: 3 });
  expect(await stored()).toMatchObject([
    { id: 1, datetime: "2021-05-01 10:00:00.250" },
    { id: 4, datetime: "1969-12-31 23:59:59.999" },
  ]);
  expect(await verdicts()).toEqual([
    [1, [["wrong_type", "datetime"]]],
    [2, [["missing", "datetime"]]],
    [3, [["out_of_range", "datetime"]]],
  ]);
  expect(JSON.parse((await rejected())[2]?.raw ?? "")).toMatchObject({ datetime: "0999-12-31T00:00:00.000Z" });
});

test("Avro text that is not UTF-8, decimals for ids and unknown fields are rejected, each with its reason", async () => {
  const schema: AvroSchema = {
    type: "record",
    name: "jobs",
    fields: [
      field("id", ["double", { type: "bytes", logicalType: "decimal", precision: 4, scale: 1 }]),
      field("job", "string"),
      field("pay", { type: "map", values: "float" }),
    ],
  };
  const rows = [
    { id: 1, job: "right \uFFFD", pay: {} },
    { id: Buffer.from([15]), job: "wrong #", pay: { week: Number.NaN } },
  ];
  const type = Type.forSchema(schema as Schema);
  const data = Buffer.concat(rows.map((row) => type.toBuffer(row)));
  data[data.indexOf("#")] = 0xff;
  async function* blocks() {
    yield { count: 2, data };
  }
  await load({ "jobs.avro": Buffer.concat(await Array.fromAsync(writeContainer(schema, "null", blocks()))) });
  expect(await verdicts()).toEqual([
    [1, [["unknown_field", "pay"]]],
    [
      2,
      [
        ["wrong_type", "id"],
        ["invalid_text", "job"],
        ["unknown_field", "pay"],
      ],
    ],
  ]);
  expect(JSON.parse((await rejected())[1]?.raw ?? "")).toMatchObject({ id: "1.5", pay: { week: "NaN" } });
});

test("a replayed row without an id is rejected again, and one whose parent is there now goes in", async () => {
  const { run } = await load({
    ...PARENTS,
    "hired_employees.ndjson": ndjson([employee(null), employee(1, { job_id: 3 })]),
  });
  await load({ "jobs.csv": "3,Baker\n" });
  const outcome = await replayOpen(database, { run, msMax: 60_000, report: { say: () => {} } });
  expect(outcome.tables.hired_employees).toMatchObject({ received: 2, inserted: 1, rejected: 1 });
  expect(await stored()).toMatchObject([{ id: 1 }]);
});

describe("a damaged file ends the import with nothing changed", () => {
  const rows = Array.from({ length: 40_000 }, (_, at) => `${at + 1},job ${Bun.hash.xxHash32(`${at}`)}\n`).join("");
  const whole = gzipSync(rows);
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 16;

  test.each<[string, Uint8Array, string]>([
    ["gzip that is cut off", whole.subarray(0, whole.length - 1), "it is cut off"],
    ["gzip of no byte", whole.subarray(0, 0), "it is cut off"],
    ["gzip with a flipped bit", flipped, "jobs.csv.gz is not a valid gzip file"],
    [
      "gzip whose second member has lost its first byte",
      Buffer.concat([gzipSync("1,Clerk\n"), Buffer.alloc(1), gzipSync("2,Actuary\n")]),
      "after its end",
    ],
    ["text that is called gzip", Buffer.from("1,Clerk\n"), "jobs.csv.gz: it is not a gzip file"],
  ])("%s", async (_, content, message) => {
    const error = await refusal(load({ "departments.csv": "1,Sales\n", "jobs.csv.gz": content }));
    expect(error).toEqual({ code: "refused", message: expect.stringContaining(message) });
    await expectNothingChanged();
  });

  test("a gzip file of several members is read to its end", async () => {
    const { tables } = await load({ "jobs.csv.gz": Buffer.concat([gzipSync("1,a\n2,"), gzipSync("b\n")]) });
    expect(tables.jobs).toMatchObject({ received: 2, inserted: 2 });
  });

  test.each<[string, (file: Buffer) => Uint8Array]>([
    ["cut off", (file) => file.subarray(0, file.length - 1)],
    ["empty", () => new Uint8Array()],
    ["with a flipped bit", (file) => file.with(file.length - 20, (file.at(-20) ?? 0) ^ 8)],
    ["without its first block's end", (file) => Buffer.concat([file.subarray(0, -200), file.subarray(-190)])],
  ])("Avro %s", async (_, damage) => {
    const content = damage(await avro(branched(EMPLOYEES)));
    const error = await refusal(load({ ...PARENTS, "hired_employees.avro": content }));
    expect(error).toEqual({
      code: "refused",
      message: expect.stringMatching(/^hired_employees.avro: the Avro file is damaged: /),
    });
    await expectNothingChanged();
  });
});

test("progress counts the bytes of the file as it is stored", async () => {
  const content = gzipSync("1,Clerk\n".repeat(200_000));
  const seen: unknown[] = [];
  const progress = ({ phase, bytes, of }: Progress) => void (phase === "reading" && seen.push({ bytes, of }));
  await load({ "jobs.csv.gz": content }, { report: { say: () => {}, progress } });
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.at(-1)).toEqual({ bytes: content.length, of: content.length });
});

test("rows that others make wrong before the publish are logged with the number of their record", async () => {
  const source = await folderOf({ "jobs.avro": await avro(JOBS, JOBS_AVRO, 1) });
  const importing = await whileTheGateIsHeld(() => importFrom(source), "INSERT INTO jobs VALUES (2, 'another')");
  expect(importing.tables.jobs).toMatchObject({ inserted: 1, rejected: 1 });
  expect(await verdicts()).toEqual([[2, [["duplicate_id", "id"]]]]);
  expect((await rejected())[0]?.raw).toBe('{"id":2,"job":"job 2"}');
});

describe("from S3", () => {
  const location = s3.locate("history/");
  const url = "s3://muster-test/history/";
  const environment = {
    DATABASE_URL: database.url,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "muster",
    AWS_SECRET_ACCESS_KEY: "muster",
  };

  test("a prefix is read like a directory, and the source is named by its URL", async () => {
    await putText(location, "departments.csv", PARENTS["departments.csv"]);
    await putText(location, "jobs/a.csv", "1,Clerk\n");
    await putText(location, "jobs/b.ndjson", '{"id": 2, "job": "Judge"}\n');
    await putText(location, "hired_employees-2021.csv", csv(EMPLOYEES));
    for (const key of [
      "staff.csv",
      "jobs/deeper/c.csv",
      "others/jobs.csv",
      ".jobs.csv",
      "_temporary/jobs.csv",
      "jobs/",
    ]) {
      await putText(location, key, "9,x\n");
    }
    await putText(s3.locate("history-2/"), "jobs.csv", "9,x\n");
    s3.faults.fault = ({ url }) => (url.includes("list-type") ? { keysPerPage: 3 } : undefined);
    const { tables, lines } = await importFrom(url);
    expect(tables.jobs).toMatchObject({ received: 4, inserted: 3, unchanged: 1 });
    expect(tables.hired_employees).toMatchObject({ received: 9, inserted: 2, unchanged: 1, rejected: 6 });
    expect(lines.filter((line) => line.startsWith("Skipped"))).toEqual([
      expect.stringMatching(/^Skipped jobs\/: its key ends in \//),
      expect.stringMatching(/^Skipped staff\.csv: it is named for no table/),
      expect.stringMatching(/^Skipped hidden files and checksums: (?=.*_temporary\/).*\.jobs\.csv/),
    ]);
    expect((await listRuns(database.db, { limit: 1 }))[0]?.source).toBe(url);
    // The same prefix without its slash is the same source: its rejections are superseded.
    await importFrom(url.slice(0, -1));
    expect((await listRejections(database.db, { limit: 100, state: "open" })).length).toBe(6);
  });

  test("one object is read by its URL, for the table in its name or the one in --table", async () => {
    await putText(location, "jobs.csv", "1,Clerk\n");
    await putText(location, "jobs.csv.old", "2,Judge\n");
    expect((await importFrom(`${url}jobs.csv`)).tables.jobs).toMatchObject({ received: 1 });
    expect((await listRuns(database.db, { limit: 1 }))[0]?.source).toBe(`${url}jobs.csv`);
    expect((await importFrom(`${url}jobs.csv.old`, { table: "jobs" })).tables.jobs).toMatchObject({ inserted: 1 });
  });

  test("if there is nothing to read, a line says so", async () => {
    const nothing = await refusal(importFrom(`${url}nothing/`));
    expect(nothing).toEqual({ code: "invalid", message: expect.stringContaining("expected departments.csv") });
    const secret = await refusal(importFrom("s3://KEY:SECRET@bucket/jobs.csv"));
    expect(secret).toEqual({ code: "invalid", message: expect.not.stringContaining("SECRET") });
    const away = await refusal(importFrom("s3://no-such-bucket/jobs.csv"));
    expect(away.message).toContain("no-such-bucket");
  });

  const MANY = Array.from({ length: 60_000 }, (_, at) => `${at + 1},job ${at + 1}\n`).join("");

  test("a download that breaks off is resumed, and an answer of 503 is retried", async () => {
    await putText(location, "jobs.csv", MANY);
    let requests = 0;
    s3.faults.fault = ({ method, url }) => {
      if (requests++ % 3 === 0) return { status: 503, code: "ServiceUnavailable" };
      return method === "GET" && !url.includes("list-type") && requests < 12 ? { cutAfter: 300_000 } : undefined;
    };
    const { tables } = await importFrom(url);
    expect(tables.jobs).toEqual({ received: 60_000, inserted: 60_000, unchanged: 0, rejected: 0, withheld: 0 });
    expect(s3.seen.filter(({ range }) => range !== undefined).length).toBeGreaterThan(1);
  });

  test.each<[string, string, number]>([
    ["a listing that is not answered", "list-type", 0],
    ["an object that is not answered", "jobs.csv", 0],
    ["an object of which no more bytes come", "jobs.csv", 300_000],
    ["a packed object of which no more bytes come", "departments.csv.gz", 10],
  ])("Ctrl-C ends the wait for %s at once, with 130 and nothing changed", async (_, url, stallAfter) => {
    await putText(location, "jobs.csv", MANY);
    if (url.endsWith(".gz")) await putText(location, url, "what is cut off where it stalls");
    const asked = Promise.withResolvers<void>();
    s3.faults.fault = (request) => {
      if (!request.url.includes(url)) return undefined;
      asked.resolve();
      return { stallAfter };
    };
    const importing = start(["scripts/import.ts", "s3://muster-test/history/"], environment);
    await asked.promise;
    // Part of what has come is read (nothing yet if it is packed); the rest never comes.
    const read = async () => (await listRuns(database.db, { limit: 1 }))[0]?.progress?.bytes ?? -1;
    if (stallAfter > 0) await until(async () => (await read()) >= (url.endsWith(".gz") ? 0 : 1));
    importing.kill("SIGINT");
    expect([await importing.exited, await new Response(importing.stderr).text()]).toEqual([
      130,
      expect.stringMatching(/stopping\ninterrupted\b.*\n$/),
    ]);
    await expectNothingChanged();
  });

  test.each(["half-way", "after it was listed"])(
    "an object that changes %s ends the import with a line that says so, and changes nothing",
    async (when) => {
      await putText(location, "departments.csv", PARENTS["departments.csv"]);
      await putText(location, "jobs.csv", MANY);
      let changed = false;
      s3.faults.fault = async ({ method, url, range }) => {
        if (method !== "GET" || !url.includes("/history/jobs.csv")) return undefined;
        if (when === "half-way" && range === undefined) return { cutAfter: 300_000 };
        changed = true;
        await putText(location, "jobs.csv", MANY.replace("job 7", "job 8"));
        return undefined;
      };
      expect(await refusal(importFrom(url))).toEqual({
        code: "unavailable",
        message: `${url}jobs.csv changed while it was read: start again`,
      });
      expect(changed).toBe(true);
      await expectNothingChanged();
    },
  );
});
