/** Buckets of a real S3 server: all that Muster asks of S3, with credentials that are checked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { deleteKeys, listKeys, putText } from "../src/s3/objects.ts";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { select } from "./support/observe.ts";
import { s3Server, withoutS3Server } from "./support/s3-server.ts";

const BUCKET = "muster-real";

const s3 = await s3Server(BUCKET);
const database = await freshDatabase();
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});

describe.skipIf(withoutS3Server !== "")(`on a real S3 server${withoutS3Server}`, () => {
  beforeAll(s3.start);
  beforeEach(async () => {
    await deleteKeys(s3.locate(""), await Array.fromAsync(listKeys(s3.locate("")), ({ key }) => key));
    await database.empty();
  });

  const READER = { accessKeyId: "muster-reader", secretAccessKey: "s3cret-of-reader" };
  const STORE = `s3://${BUCKET}/backups`;
  const command = (name: string, args: string[], keys?: typeof READER) =>
    run([`scripts/${name}.ts`, ...args], {
      ...{ DATABASE_URL: database.url, BACKUP_STORE: STORE },
      ...s3.variables(keys),
    });
  const jobs = async () => (await select(database.pool, "SELECT id, job FROM jobs ORDER BY id")).map(({ job }) => job);
  const put = (prefix: string, name: string, text: string) => putText(s3.locate(prefix), name, text);
  const backups = async () => {
    const { stdout } = await command("backup", ["--list", "--json"]);
    return JSON.parse(stdout).backups.length as number;
  };

  test("an import, a backup, its proof and a restore", async () => {
    await put("in", "jobs.csv", "1,Clerk\n2,Judge\n3,\n");
    const imported = await command("import", [`s3://${BUCKET}/in/`, "--json"]);
    expect(JSON.parse(imported.stdout)).toMatchObject({ tables: { jobs: { received: 3, inserted: 2, rejected: 1 } } });
    expect((await command("backup", ["jobs"])).code).toBe(0);
    await database.pool.query("UPDATE jobs SET job = 'Pilot' WHERE id = 1");
    expect(await command("backup", ["--verify"])).toMatchObject({ code: 0 });
    expect(await command("restore", ["jobs"])).toMatchObject({ code: 0 });
    expect(await jobs()).toEqual(["Clerk", "Judge"]);
  });

  test("each night only that night's objects are read", async () => {
    await put("nightly", "jobs-1.csv", "1,Clerk\n");
    const night = async () =>
      JSON.parse((await command("import", [`s3://${BUCKET}/nightly/`, "--new-only", "--json"])).stdout);
    expect(await night()).toMatchObject({ files: { read: 1, known: 0 } });
    await put("nightly", "jobs-2.csv", "2,Judge\n");
    expect(await night()).toMatchObject({ files: { read: 1, known: 1 }, tables: { jobs: { inserted: 1 } } });
    expect(await jobs()).toEqual(["Clerk", "Judge"]);
  });

  test("of three backups, the newest one is kept", async () => {
    for (let count = 0; count < 2; count++) await command("backup", ["jobs"]);
    expect(await backups()).toBe(2);
    expect((await command("backup", ["jobs", "--keep", "1"])).code).toBe(0);
    expect(await backups()).toBe(1);
    expect(await Array.fromAsync(listKeys(s3.locate("backups")))).toHaveLength(2);
  });
});
