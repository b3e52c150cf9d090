/** A MySQL group has one error for a transaction that is too large and for a member that has lost its group. */
import { afterAll, expect, test } from "bun:test";
import { explainedError } from "../src/db/driver-errors.ts";
import { explainedSize } from "../src/publish/transaction-size.ts";
import { freshDatabase } from "./support/database.ts";

const database = await freshDatabase();
afterAll(database.close);
await database.pool.query("INSERT INTO jobs VALUES ?", [Array.from({ length: 1_000 }, (_, row) => [row + 1, "Clerk"])]);

const hookError = () =>
  Object.assign(new Error("Error on observer while running replication hook 'before_commit'."), {
    ...{ code: "ER_RUN_HOOK_ERROR", errno: 3100, sqlState: "HY000" },
  });

/** What a run says whose 1,000 rows the group refuses, if it has this limit. */
async function said(bytes: number): Promise<unknown> {
  const server = {
    ...database.server,
    transactionLimit: { bytes, setting: "group_replication_transaction_size_limit" },
  };
  const connection = await database.pool.getConnection();
  const staged = [{ table: database.dictionary.of("jobs"), stage: "jobs" }];
  const error = await explainedSize(hookError(), { server }, connection, staged);
  connection.release();
  return explainedError(error);
}

test("a group that refuses a small transaction is away: the same request can succeed later", async () => {
  const away = { code: "unavailable", message: expect.stringContaining("it has lost its MySQL group, or") };
  expect(explainedError(hookError())).toMatchObject(away);
  expect(await said(150_000_000)).toMatchObject(away);
});

test("a group that refuses a large transaction is told about by size and limit", async () => {
  const message = expect.stringMatching(/^jobs: 1000 rows .*group_replication_transaction_size_limit is 0\.1 MB/);
  expect(await said(100_000)).toMatchObject({ code: "refused", message });
});
