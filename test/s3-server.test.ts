/** Buckets of a real S3 server: all that Muster asks of S3, with credentials that are checked. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { deleteKeys, listKeys, putText } from "../src/s3/objects.ts";
import { run, serve } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { removeFolders } from "./support/files.ts";
import { select } from "./support/observe.ts";
import { s3Server, withoutS3Server } from "./support/s3-server.ts";

const BUCKET = "muster-real";

const s3 = await s3Server(BUCKET);
if (withoutS3Server === "") await s3.start();
const database = await freshDatabase();
afterAll(async () => {
  await s3.stop();
  await database.close();
  await removeFolders();
});

describe.skipIf(withoutS3Server !== "")(`on a real S3 server${withoutS3Server}`, () => {
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

  describe("a mistake is one line that says what to mend, with exit code 2 and without a secret", () => {
    const SECRET = "never-shown-secret";
    const commands: [string, string[]][] = [
      ["import", [`s3://${BUCKET}/in/`]],
      ["backup", ["jobs"]],
      ["restore", ["jobs"]],
    ];
    const refused = async (name: string, args: string[], variables: Record<string, string>) => {
      const environment = { DATABASE_URL: database.url, BACKUP_STORE: STORE, ...s3.variables(), ...variables };
      const { code, stdout, stderr } = await run([`scripts/${name}.ts`, ...args], environment);
      expect(stdout + stderr).not.toContain(SECRET);
      expect(stdout + stderr).not.toContain("s3cret-of-owner");
      expect(code).toBe(2);
      return stderr.trim().split("\n").at(-1) ?? "";
    };

    test("an unknown key, a wrong secret, and a wrong region", async () => {
      for (const [name, args] of commands) {
        expect(await refused(name, args, { AWS_ACCESS_KEY_ID: "nobody" })).toContain("check AWS_ACCESS_KEY_ID");
        expect(await refused(name, args, { AWS_SECRET_ACCESS_KEY: SECRET })).toContain("check AWS_SECRET_ACCESS_KEY");
      }
      const wrongRegion = await refused("import", [`s3://${BUCKET}/in/`], { AWS_REGION: "eu-north-1" });
      expect(wrongRegion).toContain("is in another region: set AWS_REGION");
    });

    test("the service answers 503 instead, as its client cannot mend it", async () => {
      const variables = { ...s3.variables(), AWS_SECRET_ACCESS_KEY: SECRET };
      const service = await serve({ DATABASE_URL: database.url, BACKUP_STORE: STORE, ...variables });
      const answer = await fetch(new URL("/backups", service.url));
      const text = await answer.text();
      await service.stop();
      expect(answer.status).toBe(503);
      expect(text + service.log()).not.toContain(SECRET);
    });

    test("a bucket that does not exist", async () => {
      const line = "there is no bucket muster-none: create it, or name another one";
      expect(await refused("import", ["s3://muster-none/in/"], {})).toContain(line);
      for (const name of ["backup", "restore"])
        expect(await refused(name, ["jobs"], { BACKUP_STORE: "s3://muster-none/x" })).toContain(line);
    });

    test("a user who may only read imports and restores, and is refused a backup", async () => {
      await put("in", "jobs.csv", "1,Clerk\n");
      expect(await command("backup", ["jobs"])).toMatchObject({ code: 0 });
      await s3.addUser(READER);
      await s3.letRead(BUCKET, READER);
      expect(await command("import", [`s3://${BUCKET}/in/`], READER)).toMatchObject({ code: 0 });
      expect(await jobs()).toEqual(["Clerk"]);
      expect(await command("restore", ["jobs"], READER)).toMatchObject({ code: 0 });
      expect(await jobs()).toEqual([]);
      const variables = { AWS_ACCESS_KEY_ID: READER.accessKeyId, AWS_SECRET_ACCESS_KEY: READER.secretAccessKey };
      expect(await refused("backup", ["jobs"], variables)).toContain(`access to the bucket ${BUCKET} is denied`);
      expect(await backups()).toBe(1);
    });
  });

  test("1,050 files below a prefix are one import", async () => {
    const keys = Array.from({ length: 1_050 }, (_, index) => `jobs/${index}.csv`);
    for (let at = 0; at < keys.length; at += 75)
      await Promise.all(keys.slice(at, at + 75).map((key, of) => put("many", key, `${at + of + 1},Clerk\n`)));
    const { stdout } = await command("import", [`s3://${BUCKET}/many/`, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ tables: { jobs: { received: 1_050, inserted: 1_050 } } });
  });

  test("files whose folders and names have special characters, by their prefix and by themselves", async () => {
    const texts = ["a b", "a+b", "50%", "%41", "ä", "😀", "#1", "what?", "year=2021", "a&b", "it's"];
    const folder = "in #1 50%+ü?";
    await put(folder, "a b/jobs/", ""); // as consoles make a folder
    for (const [index, text] of texts.entries()) await put(folder, `${text}/jobs/${text}.csv`, `${index + 1},Clerk\n`);
    const read = async (...sources: string[]) => JSON.parse((await command("import", [...sources, "--json"])).stdout);
    const inserted = texts.length;
    const all = `s3://${BUCKET}/${folder}/`;
    expect(await read(all)).toMatchObject({ tables: { jobs: { inserted } } });
    const each = texts.map((text) => `${all}${text}/jobs/${text}.csv`);
    expect(await read(...each)).toMatchObject({
      files: { read: texts.length },
      tables: { jobs: { unchanged: inserted } },
    });
  });
});
