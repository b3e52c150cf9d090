import { afterAll, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { client } from "muster/client";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { appOver } from "./support/app.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";

const ROOT = join(import.meta.dir, "..");
const database = await freshDatabase();
const app = appOver(database, { store: new DirectoryStore(await folderOf({})) });
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
const muster = client(server.url.origin);
afterAll(async () => {
  await server.stop(true);
  await database.close();
  await removeFolders();
});

/** The requests that the client sent, such as `GET /runs/:id`. */
const asked = new Set<string>();

/** The JSON of a successful answer, with the type of that answer alone. @throws if it is an error */
async function good<Answer extends { ok: boolean; json(): Promise<unknown> }>(route: string, answer: Promise<Answer>) {
  asked.add(route);
  const response = await answer;
  if (!response.ok) throw new Error(`${route}: ${JSON.stringify(await response.json())}`);
  return (await response.json()) as Awaited<ReturnType<Extract<Answer, { ok: true }>["json"]>>;
}

test("every route has a typed call, and its answer is typed", async () => {
  const batch = await good(
    "POST /insert",
    muster.insert.$post({
      json: [
        { departments: [{ id: 1, department: "Legal" }], jobs: [{ id: 1 }, { job: "Clerk" }] },
        { hired_employees: [{ name: "Ana", datetime: "2021-11-07T02:48:42Z", department_id: 1, job_id: 1 }] },
      ],
    }),
  );
  const inserted: number = batch.inserted;
  expect(inserted).toBe(3);
  const verdict: { table: string; id?: number } | undefined = batch.rows[0];
  expect(verdict).toMatchObject({ table: "departments", id: 1 });

  expect((await good("POST /:table", muster.departments.$post({ json: { department: "Sales" } }))).rows[0]?.id).toBe(2);
  const departments: { id: number; department: string }[] = await good(
    "GET /:table",
    muster.departments.$get({ query: { limit: 1, department: "Legal" } }),
  );
  expect(departments).toEqual([{ id: 1, department: "Legal" }]);
  const employee: { name: string; datetime: string; job_id: number } = await good(
    "GET /:table/:id",
    muster.hired_employees[":id"].$get({ param: { id: 1 } }),
  );
  expect(employee).toMatchObject({ name: "Ana", job_id: 1 });

  for (const quarters of [
    await good("GET /hired_2021_quarter", muster.hired_2021_quarter.$get()),
    await good("POST /hired_2021_quarter", muster.hired_2021_quarter.$post({ query: { year: 2021 } })),
  ]) {
    const hires: number | undefined = quarters[0]?.Q4;
    expect(hires).toBe(1);
  }
  for (const above of [
    await good("GET /hired_department", muster.hired_department.$get({ query: { year: "2021" } })),
    await good("POST /hired_department", muster.hired_department.$post()),
  ]) {
    const name: string | undefined = above[0]?.department;
    expect(name).toBe("Legal");
  }

  const refused = await muster.jobs.$post({ json: [{ job: "" }] });
  if (refused.status !== 422) throw new Error(`${refused.status}`);
  const problem = await refused.json();
  const detail: string = problem.detail;
  expect(detail).toBe("1 of 1 rows are rejected");
  await muster.jobs.$post({ json: [{ job: " " }] });
  const rejections = await good(
    "GET /rejections",
    muster.rejections.$get({ query: { state: "open", code: "missing" } }),
  );
  const state: "open" | "replayed" | "discarded" | "superseded" | undefined = rejections[1]?.state;
  expect(state).toBe("open");
  const [first, second] = rejections.map(({ id }) => id);
  const rejection = await good("GET /rejections/:id", muster.rejections[":id"].$get({ param: { id: first ?? 0 } }));
  const code: string | undefined = rejection.reasons[0]?.code;
  expect(code).toBe("missing");
  const rows = [{ id: first ?? 0, row: { job: "Baker" } }];
  expect((await good("POST /rejections/replay", muster.rejections.replay.$post({ json: { rows } }))).inserted).toBe(1);
  const ids = [second ?? 0];
  expect(await good("POST /rejections/discard", muster.rejections.discard.$post({ json: { ids } }))).toEqual({
    discarded: 1,
  });

  const runs = await good("GET /runs", muster.runs.$get({ query: { limit: "1" } }));
  const id = runs[0]?.id ?? "";
  expect((await good("GET /runs/:id", muster.runs[":id"].$get({ param: { id } }))).kind).toBe("replay");

  const begun = await good(
    "POST /imports",
    muster.imports.$post({ query: { table: "jobs", dry_run: false }, body: "77,Baker\n", type: "text/csv" }),
  );
  const phase: string | undefined = begun.progress?.phase;
  expect([begun.kind, phase]).toEqual(["import", undefined]);
  const events = await muster.runs[":id"].events.$get({ param: { id: begun.id } });
  expect(await events.text()).toContain("event: ended");
  expect((await muster.runs[":id"].$delete({ param: { id: begun.id } })).status).toBe(409);
  for (const route of ["GET /runs/:id/events", "DELETE /runs/:id"]) asked.add(route);

  const inspection = await good(
    "POST /inspect",
    muster.inspect.$post({ query: { complete: true }, body: "id;job\n78;Judge\n", type: "text/csv" }),
  );
  const table: string | null = inspection.table;
  expect([table, inspection.counts.read]).toEqual(["jobs", 1]);

  const manifest = await good("POST /backup", muster.backup.$post({ json: { table: ["jobs"] } }));
  const counted: number | undefined = manifest.tables[0]?.rows;
  expect(counted).toBe(3);
  const param = { id: manifest.id };
  expect(await good("GET /backups", muster.backups.$get())).toHaveLength(1);
  expect((await good("GET /backups/:id", muster.backups[":id"].$get({ param }))).id).toBe(manifest.id);
  const { proof } = await good("POST /backups/:id/verify", muster.backups[":id"].verify.$post({ param }));
  expect(proof?.seconds).toBeGreaterThan(0);
  const avro = await muster.backups[":id"][":file"].$get({ param: { ...param, file: "jobs.avro" } });
  asked.add("GET /backups/:id/:file");
  expect(new TextDecoder().decode((await avro.arrayBuffer()).slice(0, 3))).toBe("Obj");
  const plan = await good("POST /restore", muster.restore.$post({ json: { table: ["jobs"], plan: true } }));
  const unchanged: number | undefined = plan.tables.jobs?.unchanged;
  expect(unchanged).toBe(3);

  expect(await good("GET /healthz", muster.healthz.$get())).toEqual({ status: "alive" });
  expect(await good("GET /readyz", muster.readyz.$get())).toEqual({ status: "ready" });
  expect((await good("GET /openapi.json", muster["openapi.json"].$get())).info.title).toBe("Muster");
  expect(await (await muster.docs.$get()).text()).toContain("<title>");
  expect((await muster.docs[":asset"].$get({ param: { asset: "start.js" } })).status).toBe(200);
  expect(await (await muster.metrics.$get()).text()).toContain("muster_rows_total");
  expect(await (await muster.index.$get()).text()).toContain("Hires in 2021");
  const form = { body: "token=TOKEN", redirect: "manual" } as const;
  const formType = { "Content-Type": "application/x-www-form-urlencoded" };
  expect((await muster["sign-in"].$post({}, { init: form, headers: formType })).status).toBe(303);
  expect((await muster["sign-out"].$post({}, { init: { redirect: "manual" } })).status).toBe(303);
  for (const page of ["GET /", "POST /sign-in", "POST /sign-out"]) asked.add(page);
  for (const page of ["GET /docs", "GET /docs/:asset", "GET /metrics"]) asked.add(page);

  const views = ({ path }: { path: string }) => path.startsWith("/page/");
  const routes = app.routes
    .filter((each) => each.method !== "ALL" && !views(each))
    .map(({ method, path }) => `${method} ${path}`);
  expect([...asked].sort()).toEqual([...new Set(routes)].sort());
});

const PROGRAM = `import { client } from "muster/client";

const muster = client(process.argv[2] ?? "", { headers: { Authorization: "Bearer none" } });
const answer = await muster.departments.$get({ query: { limit: 10 } });
if (answer.ok) for (const { id, department } of await answer.json()) console.log(id * 2, department.toUpperCase());
else console.error((await answer.json()).detail);

const stream = new Blob(["id,department\\n3,Fleet\\n"]).stream();
const [table, type] = ["departments", "text/csv"] as const;
const begun = await muster.imports.$post({ query: { table, dry_run: true }, body: stream, type });
if (begun.ok) console.log((await begun.json()).kind);

// @ts-expect-error a file must be sent
muster.imports.$post({ query: { table } });
// @ts-expect-error there is no such type
muster.imports.$post({ query: { table }, body: "", type: "text/plain" });
// @ts-expect-error there is no such table
muster.planets;
// @ts-expect-error there is no such field to filter by
muster.jobs.$get({ query: { title: "Clerk" } });
// @ts-expect-error there is no such field
muster.jobs.$post({ json: { title: "Clerk" } });
// @ts-expect-error it is a number
muster.jobs.$post({ json: { id: "1", job: "Clerk" } });
`;

const withoutNode = missing("Node.js", Bun.which("node") !== null);
test.skipIf(withoutNode !== "")(
  `another project imports the client, type-checks it under its own strict rules, and runs it on Node.js${withoutNode}`,
  async () => {
    const compilerOptions = {
      strict: true,
      module: "nodenext",
      target: "es2024",
      types: ["bun-types"],
      outDir: "made",
    };
    const folder = await folderOf({
      "package.json": JSON.stringify({ type: "module", dependencies: { muster: "*" } }),
      "tsconfig.json": JSON.stringify({ compilerOptions, files: ["program.ts"] }),
      "program.ts": PROGRAM,
    });
    await mkdir(join(folder, "node_modules"));
    await symlink(join(ROOT, "client"), join(folder, "node_modules/muster"));
    await symlink(join(ROOT, "node_modules/bun-types"), join(folder, "node_modules/bun-types"));
    const tsc = Bun.spawnSync([process.execPath, join(ROOT, "node_modules/.bin/tsc"), "-p", folder]);
    expect([tsc.exitCode, tsc.stdout.toString()]).toEqual([0, ""]);
    const program = Bun.spawn(["node", join(folder, "made/program.js"), server.url.origin]);
    expect(await new Response(program.stdout).text()).toBe("2 LEGAL\n4 SALES\nimport\n");
  },
);
