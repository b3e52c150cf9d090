/** A backup, its proof, and a restore that puts the tables back. */
import { expect, test } from "bun:test";
import { ask, get, insert, newName, post, useService } from "./service.ts";

useService();

interface Manifest {
  id: string;
  tables: { table: string; file: string; rows: number; sha256: string }[];
}

const table = ["departments", "jobs", "hired_employees"];

test("a restore puts the tables back: what was there is there, and what came after the backup is gone", async () => {
  const job = newName("Baker");
  const [before] = await insert("jobs", [{ job }]);
  const backup = await post<Manifest>("backup", { table });
  expect([backup.status, backup.answer.tables.map((each) => each.table)]).toEqual([201, table]);
  const { id } = backup.answer;

  const [after] = await insert("jobs", [{ job }]);
  const plan = await post("restore", { table, backup: id, plan: true });
  expect([plan.status, plan.answer]).toMatchObject([200, { tables: { jobs: { inserted: 0, deleted: 1 } } }]);
  expect((await ask(`jobs/${after}`)).status).toBe(200);

  const restore = await post("restore", { table, backup: id });
  expect([restore.status, restore.answer]).toMatchObject([200, { backup: id, tables: { jobs: { deleted: 1 } } }]);
  expect((await ask(`jobs/${after}`)).status).toBe(404);
  expect(await get(`jobs/${before}`)).toEqual({ id: before, job });
});

test("a backup is listed, its file has the bytes that the manifest says, and it can be proved", async () => {
  await insert("departments", [{ department: newName("Legal") }]);
  const { answer: manifest } = await post<Manifest>("backup", { table: ["departments"] });
  const [newest] = await get<Manifest[]>("backups?limit=1");
  expect(newest?.id).toBe(manifest.id);

  const [entry] = manifest.tables;
  const file = await (await ask(`backups/${manifest.id}/${entry?.file}`)).bytes();
  expect(new TextDecoder().decode(file.subarray(0, 4))).toBe("Obj\u0001");
  expect(new Bun.CryptoHasher("sha256").update(file).digest("hex")).toBe(entry?.sha256 ?? "");

  const proof = await ask(`backups/${manifest.id}/verify`, { method: "POST" });
  expect([proof.status, await proof.json()]).toMatchObject([200, { id: manifest.id, proof: expect.any(Object) }]);
});
