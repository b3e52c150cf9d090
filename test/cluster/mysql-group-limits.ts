/**
 * What a MySQL group refuses: a transaction above its limit, and writes on a member that has lost its group.
 *   usage: MUSTER_GROUP=/path/to/group bun test --timeout 600000 ./test/cluster/mysql-group-limits.ts
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeSample } from "../../src/ingest/sample.ts";
import { run, serve } from "../support/commands.ts";
import { folderOf, removeFolders } from "../support/files.ts";
import { select, until } from "../support/observe.ts";
import { type Group, startGroup } from "./members.ts";
import { Trial } from "./trial.ts";

const WRITERS = 8;
const RETRY_MS = 50;

let group: Group;
let trial: Trial;
beforeAll(async () => {
  group = await startGroup("hr");
  trial = await Trial.begin(group);
});
afterAll(async () => {
  await group.stop();
  await removeFolders();
});

test("an import above the group's limit is refused with both sizes and stores nothing, and raising the limit mends it", async () => {
  const source = await folderOf({});
  await writeSample(source, { rows: 200_000, seed: 6, badShare: 0 });
  await trial.change("DELETE FROM hired_employees WHERE id > 10");
  const before = await trial.contents();
  const command = ["scripts/import.ts", source];
  // A batch of the stage is smaller than this, and the rows that are added to the table are more.
  await group.everywhere("SET GLOBAL group_replication_transaction_size_limit = 6000000");
  const { code, stderr } = await run(command, trial.environment);
  await group.everywhere("SET GLOBAL group_replication_transaction_size_limit = 150000000");
  expect([code, stderr]).toEqual([2, expect.stringMatching(/hired_employees: \d+ rows \([\d.]+ MB\) .* is 6\.0 MB/)]);
  expect(await trial.contents()).toEqual(before);
  expect((await run(command, trial.environment)).code).toBe(0);
});

// This test comes last: its group does not come back.
test("while the primary has lost the other members, writers get 503, and what was confirmed is there", async () => {
  await group.everywhere("SET GLOBAL group_replication_unreachable_majority_timeout = 3");
  const { url, stop } = await serve(trial.environment);
  const answers = new Map<number, Set<string>>();
  let confirmed = 0;
  const stopping = new AbortController();
  const write = async () => {
    while (!stopping.signal.aborted) {
      const body = JSON.stringify([{ job: "of a writer" }]);
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(`${url}jobs`, { method: "POST", headers, body });
      const said = answers.get(answer.status) ?? new Set();
      answers.set(
        answer.status,
        said.add(answer.status === 201 ? "stored" : ((await answer.json()) as { detail: string }).detail),
      );
      if (answer.status === 201) confirmed++;
      else await Bun.sleep(RETRY_MS);
    }
  };
  const writers = Array.from({ length: WRITERS }, write);
  await until(() => confirmed > 10 * WRITERS);
  await group.killOthers();
  await until(() => [...(answers.get(503) ?? [])].some((detail) => detail.includes("super_read_only")));
  stopping.abort();
  await Promise.all(writers);
  expect([...answers.keys()].sort()).toEqual([201, 503]);
  await stop();
  const rows = await trial.looking(({ pool }) =>
    select(pool, "SELECT COUNT(*) AS count FROM jobs WHERE job = 'of a writer'"),
  );
  // A row whose answer was 503 may be stored too.
  expect(rows[0]?.count).toBeGreaterThanOrEqual(confirmed);
});
