/** Named locks, for which many connections wait at once. On TiDB the server ends some of their attempts with errors. */
import { afterAll, expect, test } from "bun:test";
import { tryLock } from "../src/db/named-lock.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);

test("each of six that wait for a lock gets it, one at a time", async () => {
  let holders = 0;
  const got: number[] = [];
  const take = async (index: number) => {
    const connection = await database.pool.getConnection();
    while (!(await tryLock(connection, `${database.name} lock`, 1)));
    expect(++holders).toBe(1);
    await connection.query("SELECT SLEEP(0.3)");
    holders--;
    got.push(index);
    await connection.query("SELECT RELEASE_ALL_LOCKS()");
    connection.release();
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(take));
  expect(got.sort()).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a lock that another connection keeps is not taken, whether one waits for it or not", async () => {
  const [holder, other] = [await database.pool.getConnection(), await database.pool.getConnection()];
  expect(await tryLock(holder, `${database.name} kept`, 0)).toBe(true);
  const tries = [0, 1, 0].map((seconds) => tryLock(other, `${database.name} kept`, seconds));
  expect(await Promise.all(tries)).toEqual([false, false, false]);
  for (const connection of [holder, other]) connection.destroy();
});
