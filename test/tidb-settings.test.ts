/** An administrator of TiDB can change what Muster relies on, for all connections and at any moment. */
import { afterAll, expect, test } from "bun:test";
import { importSource } from "../src/ingest/import.ts";
import { appOver, posted } from "./support/app.ts";
import { run } from "./support/commands.ts";
import { connect } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { startTidb } from "./support/tidb.ts";

const program = process.env.MUSTER_TIDB || undefined;
const without = missing("MUSTER_TIDB, the program of TiDB", program !== undefined);
const tidb = program === undefined ? undefined : await startTidb(program);
const url = tidb?.url ?? "";
if (tidb) expect(await run(["scripts/migrate.ts"], { DATABASE_URL: url })).toMatchObject({ code: 0 });
afterAll(async () => {
  await tidb?.stop();
  await removeFolders();
});

test.skipIf(!tidb)(`while foreign keys are switched off, a service that runs stores nothing${without}`, async () => {
  const database = await connect(url);
  const app = appOver(database);
  const insert = async () => (await app.request("/jobs", posted([{ job: "Clerk" }]))).status;
  const source = await folderOf({ "departments.csv": "1,Sales\n" });
  const load = () => importSource(database, { source, report: { say() {} } });
  const switched = (to: "ON" | "OFF") => database.pool.query(`SET GLOBAL tidb_enable_foreign_key = ${to}`);
  try {
    expect(await insert()).toBe(201);
    await switched("OFF");
    expect(await insert()).toBe(503);
    await expect(load()).rejects.toThrow("tidb_enable_foreign_key is OFF");
    await switched("ON");
    expect(await insert()).toBe(201);
    expect(await load()).toMatchObject({ tables: { departments: { inserted: 1 } } });
  } finally {
    await switched("ON");
    await database.close();
  }
});

test.skipIf(!tidb)(`rows are read as they are now, whatever the server's settings say${without}`, async () => {
  const administrator = await connect(url);
  for (const setting of [
    "tidb_enable_external_ts_read = ON",
    "tidb_guarantee_linearizability = OFF",
    "tidb_idle_transaction_timeout = 1",
  ])
    await administrator.pool.query(`SET GLOBAL ${setting}`);
  await administrator.close();
  const database = await connect(url);
  try {
    const app = appOver(database);
    const { rows } = (await (await app.request("/jobs", posted([{ job: "Baker" }]))).json()) as {
      rows: { id: number }[];
    };
    expect(await (await app.request(`/jobs/${rows[0]?.id}`)).json()).toMatchObject({ job: "Baker" });
  } finally {
    await database.close();
  }
});
