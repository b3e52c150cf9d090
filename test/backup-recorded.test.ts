/** Backups that are complete when the database is lost. They stay, whether or not the database can record their runs. */
import { afterAll, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import type { BackupStore } from "../src/backups/store.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { S3Store } from "../src/backups/store-s3.ts";
import type { MusterDatabase } from "../src/repositories/muster-database.ts";
import { listRuns } from "../src/repositories/run-log.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { startS3 } from "./support/s3.ts";

const database = await freshDatabase();
const s3 = await startS3();
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});
await database.pool.query("INSERT INTO jobs VALUES (1, 'Clerk')");

/** Backs a table up. `happens` is called when the backup is complete, and its run is not recorded yet. */
function backUp(from: MusterDatabase, store: BackupStore, happens: () => Promise<void>) {
  const begin = async (id: string) => {
    const draft = await store.begin(id);
    const complete = async (manifest: string) => {
      await draft.complete(manifest);
      await happens();
    };
    return { ...draft, complete };
  };
  const watched = { begin, ids: () => store.ids() } as BackupStore;
  const report = { say: () => {} };
  return backup(from, watched, { tables: [from.dictionary.of("jobs")], codec: "deflate", report });
}

async function killConnections(): Promise<void> {
  const [rows] = await database.pool.query<RowDataPacket[]>(
    "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()",
    [database.name],
  );
  for (const { id } of rows) await database.pool.query(`KILL ${id}`).catch(() => {});
}

const stores: [string, () => Promise<BackupStore>][] = [
  ["a directory", async () => new DirectoryStore(await folderOf({}))],
  ["a bucket", async () => new S3Store(s3.locate("complete"))],
];

test.each(stores)(
  "a backup in %s whose connections are lost at its end is recorded over another one",
  async (_, open) => {
    const store = await open();
    const other = await connect(database.url);
    const { run, manifest } = await backUp(other, store, killConnections);
    await other.close();
    expect((await store.ids()).at(-1)).toBe(manifest.id);
    expect((await listRuns(database.db, { limit: 1 }))[0]).toMatchObject({ id: run, status: "succeeded" });
  },
);

test.each(stores)("a backup in %s whose database is away at its end stays, and the error says so", async (_, open) => {
  const store = await open();
  const other = await connect(database.url);
  const error = await backUp(other, store, () => other.close()).catch((thrown) => thrown);
  const id = (await store.ids()).at(-1);
  expect(error.message).toBe(
    `backup ${id} is complete and can be restored, but its run is not recorded: the database cannot be reached ` +
      "(POOL_CLOSED): check that it runs, its address and the network",
  );
});
