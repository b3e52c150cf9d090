import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { readdir, utimes } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { newBackupId } from "../src/backups/manifest.ts";
import { type BackupStore, PROOF } from "../src/backups/store.ts";
import { DirectoryStore } from "../src/backups/store-directory.ts";
import { S3Store } from "../src/backups/store-s3.ts";
import { S3Location } from "../src/s3/location.ts";
import { deleteKeys, listKeys, putText, readObject, uploadStream } from "../src/s3/objects.ts";
import { run } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { freePort } from "./support/free-port.ts";
import { settingsFor, startS3 } from "./support/s3.ts";

const s3 = await startS3();
afterAll(async () => {
  await s3.stop();
  await removeFolders();
});

const DAY_MS = 24 * 3_600_000;
const OLD = newBackupId(new Date(Date.now() - 2 * DAY_MS));
const NEW = newBackupId(new Date());
const location = s3.locate("backups/here");

interface Place {
  store: BackupStore;
  /** The path of every file below the store. */
  files(): Promise<string[]>;
  put(path: string, text: string): Promise<void>;
  /** Makes the files of a killed backup as old as its id. */
  age(id: string): Promise<void>;
}

async function directory(): Promise<Place> {
  const folder = await folderOf({});
  const files = async () => {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };
  const put = async (path: string, text: string) => {
    await Bun.write(join(folder, path), text);
  };
  const then = new Date(Date.now() - 2 * DAY_MS);
  const age = (id: string) => utimes(join(folder, `.${id}.partial`), then, then);
  return { store: new DirectoryStore(folder), files, put, age };
}

async function bucket(): Promise<Place> {
  return {
    store: new S3Store(location),
    files: () => Array.fromAsync(listKeys(location), ({ key }) => key),
    put: (path, text) => putText(location, path, text),
    age: async () => {},
  };
}

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString();
}

beforeEach(() => s3.reset());

describe.each([
  ["a directory", directory],
  ["a bucket", bucket],
])("in %s", (_, open) => {
  async function complete(store: BackupStore, id: string): Promise<void> {
    const draft = await store.begin(id);
    await draft.write("jobs.avro", pieces("0123", "456789"));
    await draft.complete("{}");
  }

  test("a backup is not listed before it is complete", async () => {
    const { store } = await open();
    expect(await store.ids()).toEqual([]);
    const draft = await store.begin(NEW);
    await draft.write("jobs.avro", pieces("rows"));
    expect(await store.ids()).toEqual([]);
    await draft.complete('{"tables": []}');
    expect(await store.ids()).toEqual([NEW]);
    expect(await store.readText(NEW, "manifest.json")).toBe('{"tables": []}');
  });

  test("a discarded backup leaves nothing", async () => {
    const { store, files } = await open();
    const draft = await store.begin(NEW);
    await draft.write("jobs.avro", pieces("rows"));
    expect(await files()).toHaveLength(1);
    await draft.discard();
    expect(await files()).toEqual([]);
  });

  test("a killed backup is not listed, and is removed when it is a day old", async () => {
    const { store, files, age } = await open();
    for (const id of [OLD, NEW]) await (await store.begin(id)).write("jobs.avro", pieces("rows"));
    await age(OLD);
    await complete(store, newBackupId(new Date()));
    expect(await store.ids()).toHaveLength(1);
    const left = await files();
    expect(left.filter((file) => file.includes(OLD))).toEqual([]);
    expect(left.filter((file) => file.includes(NEW))).toHaveLength(1);
  });

  test("an old complete backup is not removed", async () => {
    const { store, files } = await open();
    await complete(store, OLD);
    await complete(store, NEW);
    expect(await store.ids()).toEqual([OLD, NEW]);
    expect(await files()).toHaveLength(4);
  });

  test("if the rows fail half-way, the backup fails with their error", async () => {
    const { store, files } = await open();
    const draft = await store.begin(NEW);
    async function* failing() {
      yield Buffer.from("rows");
      throw new TypeError("the database went away");
    }
    expect(draft.write("jobs.avro", failing())).rejects.toThrow(new TypeError("the database went away"));
    await draft.discard();
    expect(await files()).toEqual([]);
  });

  test("a file is read whole, or a part of it", async () => {
    const { store } = await open();
    await complete(store, NEW);
    const read = (start: number, end: number) => textOf(store.read(NEW, "jobs.avro", { start, end }));
    expect(await textOf(store.read(NEW, "jobs.avro"))).toBe("0123456789");
    expect(await read(0, 0)).toBe("0");
    expect(await read(3, 5)).toBe("345");
    expect(await read(8, 99)).toBe("89");
    expect(await read(10, 12)).toBe("");
  });

  test("a file without a byte can be written and read", async () => {
    const { store } = await open();
    const draft = await store.begin(NEW);
    await draft.write("jobs.avro", pieces());
    await draft.complete("{}");
    expect(await textOf(store.read(NEW, "jobs.avro"))).toBe("");
  });

  test("a missing file is a damaged backup, and a missing text is undefined", async () => {
    const { store } = await open();
    await complete(store, NEW);
    const message = `none.avro of backup ${NEW} is missing`;
    expect(textOf(store.read(NEW, "none.avro"))).rejects.toMatchObject({ code: "backup_damaged", message });
    expect(await store.readText(NEW, PROOF)).toBeUndefined();
    expect(await store.readText(OLD, "manifest.json")).toBeUndefined();
  });

  test("a text beside a backup can be replaced", async () => {
    const { store } = await open();
    await complete(store, NEW);
    await store.writeText(NEW, PROOF, '{"seconds": 1}');
    await store.writeText(NEW, PROOF, "Zoë 😀");
    expect(await store.readText(NEW, PROOF)).toBe("Zoë 😀");
    expect(await store.ids()).toEqual([NEW]);
  });

  test("a removed backup is gone with all its files, and the others stay", async () => {
    const { store, files } = await open();
    await complete(store, OLD);
    await complete(store, NEW);
    await store.writeText(OLD, PROOF, "{}");
    await store.remove(OLD);
    expect(await store.ids()).toEqual([NEW]);
    expect((await files()).filter((file) => file.includes(OLD))).toEqual([]);
  });

  test("ids are listed in order of time, and entries that are not named like a backup are not listed", async () => {
    const { store, put } = await open();
    const ids = [3, 1, 2].map((days) => newBackupId(new Date(Date.now() - days * DAY_MS)));
    for (const id of ids) await complete(store, id);
    for (const name of ["notes", "latest", `${NEW}x`, `x${NEW}`, NEW.toLowerCase(), "%2e%2e"])
      await put(`${name}/manifest.json`, "{}");
    await put(`copy/${NEW}/manifest.json`, "{}");
    await put("manifest.json", "{}");
    expect(await store.ids()).toEqual([...ids].sort());
  });
});

describe("in a bucket alone", () => {
  const store = new S3Store(location);
  const key = "big";
  const MIB = 1024 * 1024;
  const text = Buffer.from(crypto.getRandomValues(new Uint8Array(512 * 1024))).toString("hex");

  /** Pieces of different bytes, whose length is no divisor of a part's. */
  async function* bytes(mebibytes: number) {
    for (let left = mebibytes * MIB; left > 0; left -= 700_001) yield Buffer.alloc(Math.min(left, 700_001), left & 255);
  }

  async function sha256Of(chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const sha256 = new Bun.CryptoHasher("sha256");
    for await (const chunk of chunks) sha256.update(chunk);
    return sha256.digest("hex");
  }

  async function caught(work: Promise<unknown>): Promise<{ code: string; message: string }> {
    const error = await work.then(
      () => expect.unreachable("it succeeded"),
      (error) => error,
    );
    expect(error.name).toBe("MusterError");
    expect(error.message).not.toContain("\n");
    return { code: error.code, message: error.message };
  }

  test("stores whose prefixes begin alike do not mix", async () => {
    await putText(s3.locate("backups/here2"), `${NEW}/manifest.json`, "{}");
    await putText(s3.locate("backups"), "here", "{}");
    await putText(s3.locate(""), `${NEW}/manifest.json`, "{}");
    expect(await store.ids()).toEqual([]);
    expect(await new S3Store(s3.locate("")).ids()).toEqual([NEW]);
    expect(await new S3Store(s3.locate("backups/here2/")).ids()).toEqual([NEW]);
  });

  test("a listing of more than one page is read to its end", async () => {
    const ids = Array.from({ length: 5 }, (_, index) => newBackupId(new Date(1e12 + index)));
    for (const id of ids) await putText(location, `${id}/manifest.json`, "{}");
    s3.seen.length = 0;
    s3.faults.fault = () => ({ keysPerPage: 2 });
    expect(await store.ids()).toEqual(ids);
    expect(s3.seen).toHaveLength(3);
  });

  test.each([
    { mebibytes: 18.5, sizes: [2.5, 8, 8] },
    { mebibytes: 16, sizes: [8, 8] },
  ])("a file of $mebibytes MiB is uploaded in parts, one of them twice, and read back unchanged", async (file) => {
    let busy = true;
    s3.faults.fault = ({ url }) => {
      if (!busy || !url.includes("partNumber=2")) return undefined;
      busy = false;
      return { status: 503, code: "ServiceUnavailable" };
    };
    await uploadStream(location, key, bytes(file.mebibytes));
    const parts = new Map(s3.seen.map(({ url, bytes }) => [/partNumber=(\d+)/.exec(url)?.[1], bytes / MIB]));
    parts.delete(undefined);
    expect([...parts.values()].sort((a, b) => a - b)).toEqual([...file.sizes]);
    expect(await sha256Of(readObject(location, key))).toBe(await sha256Of(bytes(file.mebibytes)));
  });

  test.each([
    ["the rows fail", { rows: new Error("no more rows") }],
    ["a part is refused", { part: { status: 403, code: "AccessDenied" } as const }],
  ])(
    "if %s, no part of an upload stays",
    async (_, { rows, part }: { rows?: Error; part?: { status: 403; code: string } }) => {
      async function* failing() {
        yield* bytes(10);
        if (rows) throw rows;
        yield* bytes(10);
      }
      s3.faults.fault = ({ url }) => (url.includes("partNumber=2") ? part : undefined);
      const upload = uploadStream(location, key, failing());
      if (rows) await expect(upload).rejects.toBe(rows);
      else expect((await caught(upload)).message).toContain("is denied");
      const started = s3.seen.filter(({ method, url }) => method === "POST" && url.includes("uploads"));
      const aborted = s3.seen.filter(({ method, url }) => method === "DELETE" && url.includes("uploadId="));
      expect([started.length, aborted.length]).toEqual([1, 1]);
      expect(s3.seen.at(-1)).toEqual(aborted.at(-1));
      expect(await Array.fromAsync(listKeys(location))).toEqual([]);
    },
  );

  test("a download that breaks off is resumed where it broke, of the same version", async () => {
    await putText(location, key, text);
    s3.seen.length = 0;
    let cuts = 0;
    s3.faults.fault = ({ method }) => (method === "GET" && cuts++ < 6 ? { cutAfter: 300_000 } : undefined);
    expect(await textOf(readObject(location, key))).toBe(text);
    expect(s3.seen.length).toBeGreaterThan(3);
    expect(s3.seen[0]).toMatchObject({ range: undefined, ifMatch: undefined });
    for (const { range, ifMatch } of s3.seen.slice(1)) {
      expect(range).toMatch(new RegExp(`^bytes=[1-9]\\d*-${text.length - 1}$`));
      expect(ifMatch).toMatch(/^"[0-9a-f]{32}"$/);
    }
  });

  test("a download of a part that breaks off is resumed to the part's end", async () => {
    await putText(location, key, text);
    let cuts = 0;
    s3.faults.fault = ({ method }) => (method === "GET" && cuts++ < 2 ? { cutAfter: 100_000 } : undefined);
    expect(await textOf(readObject(location, key, { start: 1000, end: 700_000 }))).toBe(text.slice(1000, 700_001));
    expect(cuts).toBeGreaterThan(1);
  });

  test("a download that breaks off each time before its first byte is given up", async () => {
    await putText(location, key, text);
    s3.faults.fault = () => ({ cutAfter: 0 });
    const { code, message } = await caught(textOf(readObject(location, key)));
    expect({ code, message }).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("cannot be reached"),
    });
    expect(s3.seen.length).toBeLessThan(20);
  });

  test.each(["changed", "removed"])(
    "a file that is %s while it is read fails with a line that says so",
    async (change) => {
      await putText(location, key, text);
      s3.faults.fault = ({ range }) => (range === undefined ? { cutAfter: 300_000 } : undefined);
      const chunks = readObject(location, key);
      await chunks.next();
      if (change === "changed") await putText(location, key, text.replace("0", "1"));
      else await deleteKeys(location, [key]);
      const message = `s3://muster-test/backups/here/${key} changed while it was read: start again`;
      expect(await caught(textOf(chunks))).toEqual({ code: "unavailable", message });
    },
  );

  test("an answer of 503 is retried", async () => {
    let busy = 0;
    s3.faults.fault = () => (busy++ % 2 === 0 ? { status: 503, code: "ServiceUnavailable" } : undefined);
    await putText(location, key, text);
    expect(await textOf(readObject(location, key))).toBe(text);
    expect((await Array.fromAsync(listKeys(location))).map(({ bytes }) => bytes)).toEqual([text.length]);
    expect(s3.seen).toHaveLength(6);
  });

  test("a bucket that does not allow deletion still takes backups", async () => {
    await (await store.begin(OLD)).write("jobs.avro", pieces("rows"));
    s3.faults.fault = ({ method }) => (method === "DELETE" ? { status: 403, code: "AccessDenied" } : undefined);
    await (await store.begin(NEW)).complete("{}");
    expect(await store.ids()).toEqual([NEW]);
  });

  test("a removal that is cut short leaves no listed backup, and the rest is removed later", async () => {
    const draft = await store.begin(OLD);
    await draft.write("jobs.avro", pieces("rows"));
    await draft.complete("{}");
    s3.faults.fault = ({ method, url }) =>
      method === "DELETE" && url.includes("jobs.avro") ? { status: 403, code: "AccessDenied" } : undefined;
    await caught(store.remove(OLD));
    expect(await store.ids()).toEqual([]);
    s3.faults.fault = undefined;
    await store.begin(NEW);
    expect(await Array.fromAsync(listKeys(location))).toEqual([]);
  });

  test("a bucket that does not exist, is denied or fails otherwise gives one line that says what to do", async () => {
    const missing = new S3Store(s3.locate("backups", "not-there"));
    const line = "there is no bucket not-there: create it, or name another one";
    for (const work of [
      missing.ids(),
      missing.begin(NEW),
      missing.readText(NEW, PROOF),
      missing.writeText(NEW, PROOF, "{}"),
    ])
      expect(await caught(work)).toEqual({ code: "invalid", message: line });
    const draft = await store.begin(NEW);
    for (const [status, code, kind, said] of [
      [403, "AccessDenied", "invalid", "the credentials must allow s3:ListBucket"],
      [403, "ExpiredToken", "invalid", "sign in again"],
      [400, "NoSuchThing", "unavailable", "S3 answered 400 (NoSuchThing) for the bucket muster-test"],
    ] as const) {
      s3.faults.fault = () => ({ status, code });
      const works = [store.ids(), textOf(store.read(NEW, "a")), draft.write("a", pieces("a")), draft.discard()];
      for (const { message, code } of await Promise.all(works.map(caught)))
        expect({ code, message }).toEqual({ code: kind, message: expect.stringContaining(said) });
    }
  });

  test("an endpoint without a server gives one line", async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const away = new S3Store(S3Location.parse("s3://muster-test/x", settingsFor(nowhere)));
    const message = "S3 cannot be reached (ECONNREFUSED): check AWS_ENDPOINT_URL_S3, AWS_REGION and the network";
    expect(await caught(away.ids())).toEqual({ code: "unavailable", message });
  });

  test("an endpoint that accepts connections and never answers is given up", async () => {
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as AddressInfo;
    const settings = { ...settingsFor(`http://127.0.0.1:${port}`), requestHandler: { socketTimeout: 100 } };
    const silent = new S3Store(S3Location.parse("s3://muster-test/x", settings));
    expect((await caught(silent.ids())).message).toContain("no answer in time");
    mute.close();
  });

  test("the SDK's own variables give endpoint and credentials, and a missing one is named", async () => {
    const home = await folderOf({});
    const code = `
      import { S3Location } from "./src/s3/location.ts";
      import { listKeys } from "./src/s3/objects.ts";
      const keys = Array.fromAsync(listKeys(S3Location.parse("s3://muster-test/backups")), ({ key }) => key);
      console.log(await keys.then((keys) => keys.join(), ({ message }) => message));`;
    const ask = async (variables: Record<string, string>) => {
      const { stdout } = await run(["-e", code], { HOME: home, AWS_EC2_METADATA_DISABLED: "true", ...variables });
      return stdout.trim();
    };
    await putText(location, key, "{}");
    const port = new URL(s3.endpoint).port;
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "SECRET" };
    // A name and not an address: the SDK would put the bucket in front of it.
    const all = { ...keys, AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL_S3: `http://localhost:${port}` };
    const { AWS_REGION: _, ...noRegion } = all;
    expect(
      await Promise.all([
        ask(all),
        ask({ AWS_REGION: "eu-central-1" }),
        ask(noRegion),
        ask({ ...all, AWS_ENDPOINT_URL_S3: "localhost:9000" }),
      ]),
    ).toEqual([
      "here/big",
      expect.stringContaining("there are no credentials for S3: set AWS_ACCESS_KEY_ID"),
      "S3 needs a region: set AWS_REGION",
      expect.stringContaining("AWS_ENDPOINT_URL_S3 is not an address"),
    ]);
  });

  test("a location is s3:// with a bucket and a prefix, and other text is refused", () => {
    const { bucket, prefix } = S3Location.parse("s3://my.bucket-1/some/where");
    expect({ bucket, prefix }).toEqual({ bucket: "my.bucket-1", prefix: "some/where/" });
    for (const url of ["s3://bucket", "s3://bucket/"]) expect(S3Location.parse(url).prefix).toBe("");
    const wrong = ["s3://", "s3:///x", "s3://KEY:SECRET@bucket", "s3://b", "s3://UPPER/x", "s3://bucket//x"];
    for (const url of [...wrong, "s3://bucket/a/../b", "s3://bucket/.", "http://bucket/x", " s3://bucket"]) {
      expect(() => S3Location.parse(url)).toThrow("an S3 location is s3://BUCKET or s3://BUCKET/PREFIX");
      expect(() => S3Location.parse(url)).not.toThrow("SECRET");
    }
  });
});
