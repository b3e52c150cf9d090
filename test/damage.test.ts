import { afterAll, expect, test } from "bun:test";
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { backup } from "../src/backups/backup.ts";
import { fingerprintOf, sealed } from "../src/backups/manifest.ts";
import { restore } from "../src/backups/restore.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { verify } from "../src/backups/verify.ts";
import { readContainer } from "../src/codecs/avro-container.ts";
import { hostileAvro } from "./support/avro.ts";
import { freshDatabase } from "./support/database.ts";
import { tableOf, tables } from "./support/dictionary.ts";
import { folderOf, removeFolders } from "./support/files.ts";

const database = await freshDatabase();
const report = { say() {} };
const folder = await folderOf({});
const store = new DirectoryStore(folder);
afterAll(async () => {
  await database.close();
  await removeFolders();
});

const names = Array.from({ length: 3000 }, (_, index) => [index + 1, `Job ${index} ${Math.random()}`]);
await database.pool.query("INSERT INTO jobs (id, job) VALUES ?", [names]);
await database.pool.query("INSERT INTO departments VALUES (1, 'Sales')");
const {
  manifest: { id },
} = await backup(database, store, { tables, codec: "deflate", report });
await database.pool.query("DELETE FROM jobs WHERE id > 2000");
await database.pool.query("UPDATE jobs SET job = 'changed' WHERE id <= 5");
const untouched = await sumOf();

const file = join(folder, id, "jobs.avro");
const manifestFile = join(folder, id, "manifest.json");
const good = await readFile(file);
const manifest = await readFile(manifestFile, "utf8");

async function sumOf(): Promise<unknown> {
  const [rows] = await database.pool.query<RowDataPacket[]>(
    "SELECT COUNT(*) AS n, SUM(CRC32(CONCAT(id, job))) AS sum FROM jobs",
  );
  return rows[0];
}

/** Restores the backup. @returns "restored", or the code of its error */
async function outcome(): Promise<string> {
  const options = { tables: [tableOf("jobs")], backup: id, report };
  return restore(database, store, options).then(
    () => "restored",
    (error) => error.code,
  );
}

async function withFile(bytes: Uint8Array, check: () => Promise<void>): Promise<void> {
  await writeFile(file, bytes);
  await check();
  await writeFile(file, good);
}

test("a flip of any single bit (300 places in the file) is refused, and the table is unchanged", async () => {
  for (let flip = 0; flip < 300; flip++) {
    const bit = Math.floor((flip * good.length * 8) / 300) + (flip % 8);
    const bytes = Buffer.from(good);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    await withFile(bytes, async () => expect(await outcome()).toBe("backup_damaged"));
  }
  expect(await sumOf()).toEqual(untouched);
});

test("a file cut at any block boundary, at a random byte or to nothing is refused", async () => {
  const cuts = [0, 1, 4, good.length - 1, ...Array.from({ length: 40 }, () => Math.floor(Math.random() * good.length))];
  const sync = good.subarray(-16);
  for (let at = good.indexOf(sync); at !== -1; at = good.indexOf(sync, at + 1))
    if (at + 16 < good.length) cuts.push(at + 16);
  expect(cuts.length).toBeGreaterThan(44);
  for (const cut of cuts)
    await withFile(good.subarray(0, cut), async () => expect(await outcome()).toBe("backup_damaged"));
  expect(await sumOf()).toEqual(untouched);
});

test("extra bytes at the end, another table's file and a missing file are refused", async () => {
  await withFile(Buffer.concat([good, Buffer.from([0])]), async () => expect(await outcome()).toBe("backup_damaged"));
  const other = await readFile(join(folder, id, "departments.avro"));
  await withFile(other, async () => expect(await outcome()).toBe("backup_damaged"));
  await rename(file, `${file}.away`);
  expect(await outcome()).toBe("backup_damaged");
  await rename(`${file}.away`, file);
  expect(await sumOf()).toEqual(untouched);
});

test.each([
  ["is no JSON", () => "{"],
  ["is of another backup", () => manifest.replace(id, "20200101T000000000Z-00000000")],
  ["counts other rows", () => edited((jobs) => ({ ...jobs, rows: jobs.rows - 1 }))],
  ["has another SHA-256", () => edited((jobs) => ({ ...jobs, sha256: "0".repeat(64) }))],
  ["has another checksum", () => edited((jobs) => ({ ...jobs, checksum: "3000-00000000-00000000" }))],
  ["has another schema", () => edited((jobs) => ({ ...jobs, schema: { ...jobs.schema, doc: "x" } }))],
  ["names another file", () => edited((jobs) => ({ ...jobs, file: "../../jobs.avro" }))],
  ["names a table twice", () => edited((jobs) => ({ ...jobs, table: "departments" }))],
  ["has another fingerprint", () => edited((jobs) => ({ ...jobs, fingerprint: "0".repeat(64) }))],
  ["has a next id that no table can have", () => edited((jobs) => ({ ...jobs, auto_increment: 9007199254740991 }))],
  ["was changed after it was sealed", () => manifest.replace(/"auto_increment": /, "$&1")],
])("a manifest that %s is refused", async (_, text) => {
  expect(text()).not.toBe(manifest);
  await writeFile(manifestFile, text());
  expect(await outcome()).toBe("backup_damaged");
  await writeFile(manifestFile, manifest);
  expect(await sumOf()).toEqual(untouched);
});

interface Jobs {
  rows: number;
  schema: object;
}

/** The manifest with another entry for jobs, sealed again, so that the check of that entry itself must find the fault. */
function edited(change: (jobs: Jobs) => object): string {
  const { seal: _, ...parsed } = JSON.parse(manifest);
  parsed.tables = parsed.tables.map((entry: { table: string } & Jobs) =>
    entry.table === "jobs" ? change(entry) : entry,
  );
  return JSON.stringify(sealed(parsed));
}

/**
 * Puts another file in the place of jobs.avro, and signs it: size and SHA-256 fit it, and the manifest is sealed again. So the
 * checks of the file's own form and content must find what is wrong with it.
 * @param claims what else the manifest is to say about the file
 */
async function forged(bytes: Uint8Array, claims: object = {}): Promise<void> {
  await writeFile(file, bytes);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  await writeFile(
    manifestFile,
    edited((jobs) => ({ ...jobs, sha256, bytes: bytes.length, ...claims })),
  );
}

/** What a manifest would say about a file with these rows. */
async function claimsOf(bytes: Uint8Array<ArrayBuffer>, rows: number, checksum: string): Promise<object> {
  const schema = await readContainer(new Blob([bytes]).stream()).then(
    (file) => file.schema,
    () => ({ type: "record", name: "jobs", fields: [] }), // a header that cannot be read
  );
  return { rows, checksum, schema, fingerprint: fingerprintOf(schema) };
}

async function restored(): Promise<void> {
  await writeFile(file, good);
  await writeFile(manifestFile, manifest);
}

test("a file with a valid SHA-256 whose rows break the present rules is refused with the record and the field", async () => {
  const copy = await folderOf({});
  const elsewhere = await freshDatabase();
  await elsewhere.pool.query("INSERT INTO jobs VALUES (1, 'Clerk'), (-2, 'Lost')");
  const other = new DirectoryStore(copy);
  const { manifest: made } = await backup(elsewhere, other, { tables: [tableOf("jobs")], codec: "null", report });
  const entry = made.tables[0];
  const bytes = await readFile(join(copy, made.id, "jobs.avro"));
  await forged(bytes, await claimsOf(bytes, 2, entry?.checksum ?? ""));
  const options = { tables: [tableOf("jobs")], backup: id, report };
  await expect(restore(database, store, options)).rejects.toMatchObject({
    code: "refused",
    message: expect.stringMatching(/record 1 of jobs breaks a rule: id must be from 1/),
  });
  expect(await sumOf()).toEqual(untouched);
  await restored();
  await elsewhere.close();
});

test("a signed file that claims more than it holds is refused at once, by restore and by verify", async () => {
  for (const [what, [bytes]] of Object.entries(await hostileAvro())) {
    await forged(bytes, await claimsOf(bytes, 1, "1-00000000-00000000"));
    expect([what, await outcome()]).toEqual([what, "backup_damaged"]);
    const verified = verify(database, store, { id, report });
    await expect(verified).rejects.toMatchObject({ code: "backup_damaged" });
  }
  await restored();
  expect(await sumOf()).toEqual(untouched);
});

test.each(["deflate", "zstandard", "null"] as const)(
  "a file packed with %s that was damaged and signed again changes no row: a flipped bit, a cut, more bytes, a block twice",
  async (codec) => {
    const copy = await folderOf({});
    const { manifest: made } = await backup(database, new DirectoryStore(copy), {
      tables: [tableOf("jobs")],
      codec,
      report,
    });
    const sound = await readFile(join(copy, made.id, "jobs.avro"));
    const { rows, checksum } = made.tables[0] ?? { rows: 0, checksum: "" };
    const claims = await claimsOf(sound, rows, checksum);
    for (let flip = 0; flip < 60; flip++) {
      const bit = Math.floor((flip * sound.length * 8) / 60) + (flip % 8);
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await forged(bytes, claims);
      // Some bits mean nothing, such as the last ones of packed bytes. Then the rows are the same.
      expect([flip, await outcome(), await sumOf()]).toEqual([flip, expect.any(String), untouched]);
    }
    const header = sound.indexOf(sound.subarray(-16)) + 16;
    const cuts = [0, 1, 4, header - 1, header, sound.length - 16, sound.length - 1].map((cut) =>
      sound.subarray(0, cut),
    );
    const more = [Buffer.from([0]), sound.subarray(header)].map((extra) => Buffer.concat([sound, extra]));
    for (const [index, bytes] of [...cuts, ...more].entries()) {
      await forged(bytes, claims);
      expect([index, await outcome()]).toEqual([index, "backup_damaged"]);
    }
    await forged(sound, { ...claims, rows: rows - 1 });
    expect(await outcome()).toBe("backup_damaged");
    await restored();
    expect(await sumOf()).toEqual(untouched);
  },
);

test("--verify finds the same damage", async () => {
  await withFile(good.subarray(0, good.length - 100), async () => {
    await expect(verify(database, store, { id, report })).rejects.toMatchObject({ code: "backup_damaged" });
  });
  await rm(join(folder, id, "proof.json"), { force: true });
  await cp(file, `${file}.copy`);
  await verify(database, store, { id, report });
  expect(await sumOf()).toEqual(untouched);
});

test("the same backup without damage is restored", async () => {
  expect(await outcome()).toBe("restored");
  const [rows] = await database.pool.query<RowDataPacket[][]>({
    sql: "SELECT id, job FROM jobs ORDER BY id",
    rowsAsArray: true,
  });
  expect(rows as unknown[][]).toEqual(names);
});
