/** Exit codes, by real commands, and --quiet. */
import { afterAll, expect, test } from "bun:test";
import { run } from "./support/commands.ts";
import { freshDatabase } from "./support/database.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { textOf } from "./support/pages.ts";

const database = await freshDatabase();
const away = "mysql://u:p@127.0.0.1:1/x";
const rejected = await folderOf({ "jobs.csv": "1,Clerk\n2,\n" });
afterAll(async () => {
  await database.close();
  await removeFolders();
});

test.each([
  [0, "succeeded", ["import.ts", rejected]],
  [1, "failed", ["backup.ts"]],
  [2, "refused", ["restore.ts", "nothing"]],
  [3, "succeeded", ["import.ts", rejected, "--fail-on-rejects"]],
] as const)(
  "code %d, %s, is what docs/commands.md says, and --quiet writes errors alone",
  async (code, status, args) => {
    expect(textOf("docs/commands.md")).toContain(`| ${code} | \`${status}\` |`);
    const DATABASE_URL = code === 1 ? away : database.url;
    const ended = await run([`scripts/${args[0]}`, ...args.slice(1), "--quiet", "--json"], { DATABASE_URL });
    const object = JSON.parse(ended.stdout);
    expect([ended.code, object.status]).toEqual([code, status]);
    expect(ended.stderr).toBe(status === "succeeded" ? "" : `${object.error}\n`);
  },
);
