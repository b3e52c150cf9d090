/** Which errors make a transaction run again. */
import { expect, test } from "bun:test";
import { ROLLED_BACK, retried } from "../src/db/transaction.ts";

/** An error as the driver raises it. */
const serverError = (errno: number, sqlMessage: string) =>
  Object.assign(new Error(sqlMessage), { code: "ER_UNKNOWN_ERROR", errno, sqlState: "HY000", sqlMessage });

test("a transaction that TiDB's storage has aborted is run again, and errors that only look like it are not", async () => {
  const failures = [serverError(1105, "tikv aborts txn: pessimistic lock not found")];
  const commit = async () => {
    const failure = failures.pop();
    if (failure) throw failure;
    return "committed";
  };
  expect(await retried(ROLLED_BACK, commit)).toBe("committed");
  for (const other of [serverError(1105, "another fault"), serverError(1644, "tikv aborts txn, says a trigger")]) {
    failures.push(other);
    await expect(retried(ROLLED_BACK, commit)).rejects.toThrow(other.message);
  }
});
