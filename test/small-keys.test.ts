/** A key that ends early, whose highest id was given away and deleted: a line says how to go on, and that works. */
import { afterAll, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith({
  imports: "tinyint",
  text: `
export const smalls = mysqlTable("smalls", {
  id: tinyint().autoincrement().primaryKey(),
  name: varchar({ length: 50 }).notNull(),
});
`,
});
afterAll(async () => {
  await muster.close();
  await removeFolders();
});

test("the statement that is advised frees the ids, on each server", async () => {
  const load = () => muster.load({ "smalls.csv": "name\nAna\nEva\n" }, { options: { ids: "database" } });
  await muster.post("/smalls", [
    { id: 5, name: "Ida" },
    { id: 127, name: "last" },
  ]);
  await muster.select("DELETE FROM smalls WHERE id = 127");
  const refused = await load().catch((error: Error) => error.message);
  const [statement = ""] = /ALTER TABLE .*$/.exec(String(refused)) ?? [];
  await muster.select(statement);
  expect(await load()).toMatchObject({ tables: { smalls: { inserted: 2 } } });
  const stored = await muster.select("SELECT id, name FROM smalls ORDER BY id");
  expect(stored.map(({ id, name }) => `${id} ${name}`)).toEqual(["5 Ida", "6 Ana", "7 Eva"]);
});
