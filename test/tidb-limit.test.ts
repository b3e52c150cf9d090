/** TiDB limits the size of a transaction. What is larger is refused, and nothing of it is stored. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "./support/commands.ts";
import { connect } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { startTidb } from "./support/tidb.ts";

const program = process.env.MUSTER_TIDB || undefined;
const without = missing("MUSTER_TIDB, the program of TiDB", program !== undefined);
afterAll(removeFolders);

/** More than LOAD DATA brings into a stage at once, and less than ROWS take with their indexes. */
const LIMIT_BYTES = 8_000_000;
const ROWS = 80_000;

test.skipIf(program === undefined)(
  `an import and a restore that are larger than the limit are refused with both sizes, and smaller ones go in${without}`,
  async () => {
    const hired = (ids: number[]) => ids.map((id) => `${id},Ana,2021-05-01T00:00:00Z,1,1\n`).join("");
    const all = Array.from({ length: ROWS }, (_, index) => index + 1);
    const folder = await folderOf({
      "tidb.toml": `[performance]\ntxn-total-size-limit = ${LIMIT_BYTES}\n`,
      "all/departments.csv": "1,Sales\n",
      "all/jobs.csv": "1,Clerk\n",
      "all/hired_employees.csv": hired(all),
      "part1/hired_employees.csv": hired(all.slice(0, ROWS / 4)),
      "part2/hired_employees.csv": hired(all.slice(ROWS / 4, ROWS / 2)),
      "part3/hired_employees.csv": hired(all.slice(ROWS / 2, (3 * ROWS) / 4)),
      "part4/hired_employees.csv": hired(all.slice((3 * ROWS) / 4)),
    });
    const { url, stop } = await startTidb(program ?? "", join(folder, "tidb.toml"));
    const environment = { DATABASE_URL: url, BACKUP_STORE: join(folder, "backups") };
    const command = (...words: string[]) => run([`scripts/${words[0]}.ts`, ...words.slice(1)], environment);
    const refused = {
      code: 2,
      stderr: expect.stringMatching(
        /hired_employees: 80000 rows .*txn-total-size-limit is 8\.0 MB.*none of them is stored/,
      ),
    };
    try {
      expect(await command("import", join(folder, "all"))).toMatchObject(refused);
      const database = await connect(url);
      const count = async () => {
        const [[row]] = (await database.pool.query("SELECT COUNT(*) AS n FROM hired_employees")) as unknown as [
          { n: number }[],
        ];
        return Number(row?.n);
      };
      expect(await count()).toBe(0);
      for (const part of ["part1", "part2", "part3", "part4"])
        expect(await command("import", join(folder, part))).toMatchObject({ code: 0 });
      expect(await count()).toBe(ROWS);
      expect(await command("backup")).toMatchObject({ code: 0 });
      await database.pool.query("DELETE FROM hired_employees WHERE id <= ?", [ROWS / 4]);
      expect(await command("restore", "hired_employees")).toMatchObject({ code: 0 });
      expect(await count()).toBe(ROWS);
      for (let first = 1; first <= ROWS; first += ROWS / 4)
        await database.pool.query("DELETE FROM hired_employees WHERE id BETWEEN ? AND ?", [
          first,
          first + ROWS / 4 - 1,
        ]);
      expect(await command("restore", "hired_employees")).toMatchObject(refused);
      expect(await count()).toBe(0);
      await database.close();
    } finally {
      await stop();
    }
  },
);
