/** Objects on a real S3 server: many, large, with awkward keys, and while the server ends and comes back. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { deleteKeys, listKeys, putText, readObject, uploadStream } from "../src/s3/objects.ts";
import { removeFolders } from "./support/files.ts";
import { s3Server, withoutS3Server } from "./support/s3-server.ts";

const s3 = await s3Server("muster-objects");
if (withoutS3Server === "") await s3.start();
afterAll(async () => {
  await s3.stop();
  await removeFolders();
});

describe.skipIf(withoutS3Server !== "")(`on a real S3 server${withoutS3Server}`, () => {
  const MIB = 1024 * 1024;
  const location = s3.locate("some/where");
  const keysOf = (prefix = "some/where") => Array.fromAsync(listKeys(s3.locate(prefix)), ({ key }) => key);
  beforeEach(async () => deleteKeys(location, await keysOf()));

  /** Pieces of different bytes, whose length is no divisor of a part's. `halfWay` is called in the middle. */
  async function* bytes(mebibytes: number, halfWay: () => Promise<void> = async () => {}) {
    let isTold = false;
    for (let left = mebibytes * MIB; left > 0; left -= 700_001) {
      if (!isTold && left < (mebibytes * MIB) / 2) {
        isTold = true;
        await halfWay();
      }
      yield Buffer.alloc(Math.min(left, 700_001), left & 255);
    }
  }

  async function sha256Of(chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const sha256 = new Bun.CryptoHasher("sha256");
    for await (const chunk of chunks) sha256.update(chunk);
    return sha256.digest("hex");
  }

  /** What is read after the first chunk, before which `happens` was called. */
  async function readWhile(happens: () => Promise<unknown>): Promise<string> {
    const chunks = readObject(location, "large");
    async function* all() {
      const { value } = await chunks.next();
      if (value) yield value;
      await happens();
      yield* chunks;
    }
    return sha256Of(all());
  }

  const restart = async () => {
    await s3.stop();
    await s3.start();
  };

  test("more objects than one listing holds are all found", async () => {
    const keys = Array.from({ length: 2_100 }, (_, index) => `${index}.json`);
    for (let at = 0; at < keys.length; at += 100)
      await Promise.all(keys.slice(at, at + 100).map((key) => putText(location, key, key)));
    expect(await keysOf()).toEqual([...keys].sort());
    await deleteKeys(location, keys);
    expect(await keysOf()).toEqual([]);
  });

  test.each([
    ["of several parts", 42.5],
    ["of exactly two parts", 16],
    ["smaller than a part", 1],
    ["without a byte", 0],
  ])("an object %s is uploaded and read back unchanged, whole and from the middle", async (_, mebibytes) => {
    await uploadStream(location, "large", bytes(mebibytes));
    expect(await sha256Of(readObject(location, "large"))).toBe(await sha256Of(bytes(mebibytes)));
    const all = Buffer.concat(await Array.fromAsync(bytes(mebibytes)));
    const [start, end] = [Math.floor(all.length / 2), all.length];
    const part = Buffer.concat(await Array.fromAsync(readObject(location, "large", { start, end })));
    expect(part.equals(all.subarray(start, end + 1))).toBe(true);
  });

  test.each([
    "a b",
    "a+b",
    "50%",
    "%41",
    "ä",
    "a\u0308",
    "😀",
    "#1",
    "what?",
    "year=2021",
    "a&b",
    "it's",
    "(1)",
    "a:b;c,d@e",
    "*~!$",
  ])("a key and a prefix with %s", async (text) => {
    const prefix = `some/where/${text}/x${text}`;
    await putText(s3.locate(prefix), `${text}.json`, text);
    expect(await keysOf()).toEqual([`${text}/x${text}/${text}.json`]);
    expect(await keysOf(prefix)).toEqual([`${text}.json`]);
    const chunks = await Array.fromAsync(readObject(s3.locate(prefix), `${text}.json`));
    expect(Buffer.concat(chunks).toString()).toBe(text);
    await uploadStream(s3.locate(prefix), `${text}.bin`, bytes(9));
    expect(await sha256Of(readObject(s3.locate(prefix), `${text}.bin`))).toBe(await sha256Of(bytes(9)));
    await deleteKeys(s3.locate(prefix), [`${text}.json`, `${text}.bin`]);
    expect(await keysOf(prefix)).toEqual([]);
  });

  test("an object that was replaced since it was listed is not read", async () => {
    await putText(location, "large", "1,Clerk\n");
    const [listed] = await Array.fromAsync(listKeys(location));
    await putText(location, "large", "1,Judge\n");
    expect(sha256Of(readObject(location, "large", undefined, listed?.version))).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("changed while it was read: start again"),
    });
  });

  test("a server that ends and comes back does not disturb a download", async () => {
    await uploadStream(location, "large", bytes(42.5));
    expect(await readWhile(restart)).toBe(await sha256Of(bytes(42.5)));
  });

  test("if the object is another one when the server is back, reading fails", async () => {
    await uploadStream(location, "large", bytes(42.5));
    const change = async () => {
      await restart();
      await uploadStream(location, "large", bytes(42));
    };
    expect(readWhile(change)).rejects.toMatchObject({ message: expect.stringContaining("changed while it was read") });
  });

  test("a server that ends and comes back does not disturb an upload", async () => {
    await uploadStream(location, "large", bytes(42.5, restart));
    expect(await sha256Of(readObject(location, "large"))).toBe(await sha256Of(bytes(42.5)));
  });

  test("if the server stays away, an upload fails and leaves no object", async () => {
    await putText(location, "large", "what was there");
    const upload = uploadStream(location, "large", bytes(42.5, s3.stop));
    await expect(upload).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("S3 cannot be reached (ECONN"),
    });
    await s3.start();
    const chunks = await Array.fromAsync(readObject(location, "large"));
    expect(Buffer.concat(chunks).toString()).toBe("what was there");
  });
});
