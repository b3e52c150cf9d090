import { afterAll, expect, test } from "bun:test";
import { run, start } from "./support/commands.ts";
import { dropDatabase, freshUrl } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { copyOfProject } from "./support/project.ts";

const url = freshUrl();
afterAll(async () => {
  await dropDatabase(url);
  await removeFolders();
});

const PREMISES = `
export const premises = mysqlTable("premises", {
  id: int("id").autoincrement().primaryKey(),
  department_id: int("department_id").notNull().references(() => departments.id),
  city: varchar("city", { length: 80 }).notNull(),
  floor: int("floor").notNull(),
  visitors: bigint("visitors", { mode: "number" }).notNull(),
  rent: decimal("rent", { precision: 10, scale: 2 }).notNull(),
  area: double("area").notNull(),
  open: boolean("open").notNull().default(true),
  notes: text("notes"),
  since: date("since", { mode: "string" }).notNull(),
});
`;

test("a table added to the schema file has its import and its routes without any other change", async () => {
  const { folder, extendSchema } = await copyOfProject({
    "data/departments.csv": "1,Sales\n",
    "data/premises.csv": [
      "1,1,Bogotá,-2,9007199254740991,1200.50,81.5,false,by the park,2019-02-28",
      "2,1,Quito,0,0,7,0.1,,,2020-02-29",
      "3,9,Lima,1.5,0,7.123,x,yes,,2019-02-29",
    ].join("\n"),
  });
  await extendSchema("bigint, boolean, date, decimal, double, text", PREMISES);
  const environment = { DATABASE_URL: url, PORT: "0" };
  const generated = await run(["--bun", "x", "drizzle-kit", "generate"], environment, folder);
  expect(generated.code).toBe(0);
  const imported = await run(["scripts/import.ts", "data", "--json"], environment, folder);
  expect(JSON.parse(imported.stdout).tables.premises).toMatchObject({ received: 3, inserted: 2, rejected: 1 });

  const server = start(["src/main.ts"], environment, folder);
  const address = await listening(server.stdout);
  const { paths, components } = (await (await fetch(`${address}/openapi.json`)).json()) as Document;
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(["/premises", "/premises/{id}"]));
  expect(components.schemas.premises?.properties).toMatchObject({ open: { type: "boolean" }, notes: NOTES });
  const rows = await (await fetch(`${address}/premises`)).json();
  expect(rows).toEqual([
    {
      ...{
        id: 1,
        department_id: 1,
        city: "Bogotá",
        floor: -2,
        visitors: 9007199254740991,
        rent: "1200.50",
        area: 81.5,
      },
      ...{ open: false, notes: "by the park", since: "2019-02-28" },
    },
    {
      ...{ id: 2, department_id: 1, city: "Quito", floor: 0, visitors: 0, rent: "7.00", area: 0.1 },
      ...{ open: true, notes: null, since: "2020-02-29" },
    },
  ]);
  expect(await (await fetch(`${address}/premises?city=Quito`)).json()).toHaveLength(1);
  expect((await fetch(`${address}/premises/2`)).status).toBe(200);
  const rejections = (await (await fetch(`${address}/rejections?table=premises`)).json()) as {
    reasons: { field: string }[];
  }[];
  expect(rejections[0]?.reasons.map(({ field }) => field)).toEqual([
    "floor",
    "rent",
    "area",
    "open",
    "since",
    "department_id",
  ]);
  await takesPremises(address);
  const { examples } = paths["/premises"]?.post?.requestBody.content["application/json"] ?? {};
  const body = JSON.stringify(examples?.rows?.value);
  const headers = { "Content-Type": "application/json" };
  expect((await fetch(`${address}/premises`, { method: "POST", headers, body })).status).toBe(201);
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
});

/** Rows of the new table by POST /insert and POST /premises, with and without the fields that may be left out. */
async function takesPremises(address: string): Promise<void> {
  const post = async (path: string, body: unknown, type = "application/json") => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(address + path, { method: "POST", headers: { "Content-Type": type }, body: text });
    return { status: response.status, answer: (await response.json()) as Answer };
  };
  const lima = { city: "Lima", floor: 3, visitors: "9223372036854775807", rent: 9.5, area: 1e-7, since: "2020-02-29" };
  const { status, answer } = await post("/insert", {
    premises: [
      { ...lima, department_id: 8 },
      { ...lima, department_id: 9, open: null, notes: " " },
    ],
    departments: [{ id: 8, department: "Legal" }],
  });
  expect([status, answer.inserted, answer.rejected]).toEqual([207, 2, 1]);
  expect(answer.rows[1]?.reasons).toMatchObject([{ code: "unknown_reference", field: "department_id" }]);
  const id = answer.rows[0]?.id;
  expect(await (await fetch(`${address}/premises/${id}`)).json()).toEqual({
    ...{ id, department_id: 8, city: "Lima", floor: 3, visitors: "9223372036854775807", rent: "9.50", area: 1e-7 },
    ...{ open: true, notes: null, since: "2020-02-29" },
  });

  const given = { ...lima, id: 70, department_id: 8, open: false, notes: "top floor" };
  expect((await post("/premises", given)).status).toBe(201);
  expect((await post("/premises", [given])).answer).toMatchObject({ unchanged: 1, rows: [{ id: 70 }] });
  expect((await post("/premises", "71,8,Quito,0,0,7,0.1,,,2020-02-29\n", "text/csv")).answer.inserted).toBe(1);
  expect(await (await fetch(`${address}/premises/70`)).json()).toMatchObject({ open: false, notes: "top floor" });
  const fragments = Object.entries({ ...lima, department_id: 8 }).map(([key, value]) => ({ [key]: value }));
  expect((await post("/insert", [{ premises: fragments }])).answer.inserted).toBe(1);

  const bad = {
    city: null,
    floor: 1.5,
    visitors: 9007199254740992,
    rent: 7.123,
    area: "1",
    open: "yes",
    since: "2019-02-29",
  };
  const refused = await post("/premises", { ...bad, department_id: 8, notes: 5, rooms: 2 });
  expect(refused.status).toBe(422);
  expect(refused.answer.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
    "/city missing",
    "/floor wrong_type",
    "/visitors out_of_range",
    "/rent wrong_type",
    "/area wrong_type",
    "/open wrong_type",
    "/notes wrong_type",
    "/since invalid_datetime",
    "/rooms unknown_field",
  ]);
  const rejection = refused.answer.rows[0]?.rejection;
  const mended = { ...lima, id: 80, department_id: 8 };
  expect((await post("/rejections/replay", { rows: [{ id: rejection, row: mended }] })).answer.inserted).toBe(1);
}

const NOTES = { anyOf: [{ type: "string", minLength: 1 }, { type: "null" }] };

type Examples = Record<string, { value: unknown }>;

interface Document {
  paths: Record<string, { post?: { requestBody: { content: Record<string, { examples: Examples }> } } }>;
  components: { schemas: Record<string, { properties: object }> };
}

interface Answer {
  inserted: number;
  rejected: number;
  unchanged: number;
  rows: { id?: number; rejection?: number; reasons?: { code: string; field?: string }[] }[];
  errors: { pointer: string; code: string }[];
}

/** The service's address, from the log line that says that it is up. */
async function listening(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stdout.getReader();
  let log = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    log += new TextDecoder().decode(read.value);
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
    if (address) return address;
  }
  throw new Error(`the service ended: ${log}`);
}
