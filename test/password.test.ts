/** A password from a file or a command: it is read anew for each connection, so it may be rotated while Muster runs. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { posted } from "./support/app.ts";
import { run, serve, startStoppedAt } from "./support/commands.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { until } from "./support/observe.ts";
import { ownServer } from "./support/own-server.ts";

const own = await ownServer(["--local-infile=ON"]);
await (await own.open()).close();
const url = own.url().replace("plain:pass@", "plain@");
const folder = await folderOf({ "jobs.csv": "1,Clerk\n2,Baker\n" });
const file = join(folder, "password");
const source = join(folder, "jobs.csv");
const byFile = { DATABASE_URL: url, DATABASE_PASSWORD_FILE: file };

/** Characters that a URL would have to encode, blanks and letters beyond ASCII. */
const FIRST = "f1rst %41@/ø #secret";
const SECOND = "s2cond'\"\\ $secret";

const rotate = (password: string) => own.root.query("ALTER USER plain@'%' IDENTIFIED BY ?", [password]);

/** The ids of the user's connections that are open. */
async function openConnections(): Promise<number[]> {
  const [rows] = await own.root.query("SELECT id FROM information_schema.processlist WHERE user = 'plain'");
  return (rows as { id: number }[]).map(({ id }) => Number(id));
}

/** Ends these connections, so that new ones are needed, as after a failover. */
async function end(ids: number[]): Promise<void> {
  for (const id of ids) await own.root.query("KILL ?", [id]).catch(() => {});
}

const write = (text: string) => Bun.write(file, text);
const importing = (settings: Record<string, string>) => run(["scripts/import.ts", source, "--dry-run"], settings);

beforeEach(async () => {
  for (const table of ["jobs", "departments"]) await own.root.query(`DELETE FROM ${own.name()}.${table}`);
  await rotate(FIRST);
  await write(`${FIRST}\n`);
});

afterAll(async () => {
  await own.stop();
  await removeFolders();
});

test("a command takes the password from the file, without the newline at its end", async () => {
  for (const end of ["", "\n", "\r\n"]) {
    await write(FIRST + end);
    expect(await importing(byFile)).toMatchObject({ code: 0 });
  }
});

test.each<[string, Record<string, string>, number, string]>([
  ["a file that does not exist", { DATABASE_PASSWORD_FILE: "/nowhere/password" }, 1, "cannot be read (ENOENT): name a"],
  ["an empty file", { DATABASE_PASSWORD_FILE: "/dev/null" }, 1, "it names something that is no regular file"],
  ["a folder", { DATABASE_PASSWORD_FILE: folder }, 1, "it names something that is no regular file"],
  ["a file of several lines", { DATABASE_PASSWORD_FILE: source }, 1, "has several lines or control characters"],
  ["a command that fails", { DATABASE_PASSWORD_COMMAND: `cat ${file} && exit 7` }, 1, "ended with exit code 7: run it"],
  ["a command that prints nothing", { DATABASE_PASSWORD_COMMAND: "true" }, 1, "the command's output is empty"],
  ["no such command", { DATABASE_PASSWORD_COMMAND: "no-such-command x" }, 1, "cannot be started (ENOENT): check its"],
  [
    "a command that leaves a program behind which holds its output",
    { DATABASE_PASSWORD_COMMAND: "setsid sleep 30 & echo secret" },
    1,
    "did not end within 10 s",
  ],
  ["a command without end", { DATABASE_PASSWORD_COMMAND: "yes" }, 1, "prints more than 65536 bytes"],
  ["both", { DATABASE_PASSWORD_FILE: file, DATABASE_PASSWORD_COMMAND: "true" }, 2, "are both set: unset one of them"],
  [
    "one in DATABASE_URL",
    { DATABASE_URL: own.url(), DATABASE_PASSWORD_FILE: file },
    2,
    "has a password, and DATABASE_",
  ],
  ["no DATABASE_URL", { DATABASE_URL: "", DATABASE_PASSWORD_FILE: file }, 2, "set without DATABASE_URL: set DATABASE"],
])("%s is refused in one line without the password", async (_, settings, code, words) => {
  const refused = await importing({ DATABASE_URL: url, ...settings });
  expect([refused.code, refused.stderr]).toEqual([code, expect.stringContaining(words)]);
  expect(refused.stderr.trim().split("\n")).toHaveLength(1);
  expect(refused.stdout + refused.stderr).not.toContain("secret");
});

test("an empty file is refused, and so is a wrong password, with the name of the setting", async () => {
  await write("\n");
  expect((await importing(byFile)).stderr).toContain("by DATABASE_PASSWORD_FILE: the file is empty: name a file");
  await write(SECOND);
  const { code, stderr } = await importing(byFile);
  expect([code, stderr]).toEqual([2, expect.stringContaining("or the password of DATABASE_PASSWORD_FILE, which was")]);
  expect(stderr).not.toContain(SECOND);
});

test("a command that does not end is stopped, with what it has started", async () => {
  const began = performance.now();
  const mark = `61${process.pid}`;
  const { code, stderr } = await importing({ DATABASE_URL: url, DATABASE_PASSWORD_COMMAND: `sleep ${mark} & echo x` });
  expect([code, stderr]).toEqual([1, expect.stringContaining("the command did not end within 10 s")]);
  expect(performance.now() - began).toBeLessThan(20_000);
  const listed = Bun.spawnSync(["ps", "-ww", "-eo", "args="]).stdout.toString();
  expect(listed.split("\n").filter((line) => line === `sleep ${mark}`)).toEqual([]);
});

test("a command is run without a shell if its words are plain, and by one if not", async () => {
  for (const command of [`cat ${file}`, `cat < '${file}'`, `tr a a <${file} | cat`]) {
    expect(await importing({ DATABASE_URL: url, DATABASE_PASSWORD_COMMAND: command })).toMatchObject({ code: 0 });
  }
  // As plain words these would be arguments of echo.
  expect((await importing({ DATABASE_URL: url, DATABASE_PASSWORD_COMMAND: `echo x; cat ${file}` })).stderr).toContain(
    "the command's output has several lines",
  );
});

test("a password that is rotated while it is read is read once more", async () => {
  const seen = join(folder, "seen");
  await write(SECOND);
  await rotate(SECOND);
  const command = `test -e '${seen}' && cat '${file}' || { touch '${seen}'; echo old; }`;
  expect(await importing({ DATABASE_URL: url, DATABASE_PASSWORD_COMMAND: command })).toMatchObject({ code: 0 });
});

test("the service goes on after a rotation, and nothing shows a password", async () => {
  const { service, url: at, log, stop } = await serve({ ...byFile, LOG_LEVEL: "trace" });
  const insert = (job: string) => fetch(`${at}jobs`, posted({ job }));
  try {
    expect((await insert("Before")).status).toBe(201);
    // Connections that are open stay, even before the file has the new password.
    await rotate(SECOND);
    expect((await insert("Open")).status).toBe(201);
    // New ones are refused until the file has it.
    await end(await openConnections());
    const refused = await until(async () => {
      const answer = await fetch(`${at}jobs`);
      const text = await answer.text();
      return text.includes("ER_ACCESS_DENIED_ERROR") && { status: answer.status, text };
    });
    expect(refused).toEqual({ status: 503, text: expect.stringContaining("password of DATABASE_PASSWORD_FILE") });
    await write(`${SECOND}\n`);
    expect((await fetch(`${at}jobs`)).status).toBe(200);
    expect((await insert("After")).status).toBe(201);
    await end(await openConnections());
    const csv = { method: "POST", headers: { "Content-Type": "text/csv" }, body: "1,Fleet\n" };
    const begun = await until(async () => {
      const answer = await fetch(`${at}imports?table=departments`, csv);
      return answer.ok && ((await answer.json()) as { id: string });
    });
    const imported = await until(async () => {
      const run = (await (await fetch(`${at}runs/${begun.id}`)).json()) as { status: string };
      return run.status !== "running" && run.status;
    });
    expect(imported).toBe("succeeded");
    await write("");
    await end(await openConnections());
    const empty = await until(async () => {
      const text = await (await fetch(`${at}jobs`)).text();
      return text.includes("DATABASE_PASSWORD_FILE") && text;
    });
    expect(empty).toContain("the file is empty");
    await write(SECOND);
    expect((await insert("Again")).status).toBe(201);
    const metrics = await (await fetch(`${at}metrics`)).text();
    const arguments_ = Bun.spawnSync(["ps", "-ww", "-eo", "args="]).stdout.toString();
    const environment = await readFile(`/proc/${service.pid}/environ`, "utf8").catch(() => "");
    for (const shown of [log(), refused.text, empty, metrics, arguments_, environment])
      expect(shown).not.toMatch(/f1rst|s2cond/);
  } finally {
    await stop();
  }
});

test("an import that waits while the password is rotated goes on", async () => {
  const { command, goOn } = await startStoppedAt("rows staged", ["scripts/import.ts", source], byFile);
  await rotate(SECOND);
  await write(SECOND);
  goOn();
  expect(await command.exited).toBe(0);
});

test("local_infile that is switched off, even under a running service, makes imports use INSERT", async () => {
  const { url: at, stop } = await serve(byFile);
  try {
    await own.root.query("SET GLOBAL local_infile = OFF");
    const [shown, posted] = [
      await run(["scripts/import.ts", source], { ...byFile, LOG_LEVEL: "debug" }),
      await fetch(`${at}imports?table=departments`, {
        method: "POST",
        headers: { "Content-Type": "text/csv" },
        body: "1,Fleet\n",
      }),
    ];
    expect([shown.code, shown.stderr]).toEqual([0, expect.stringContaining("files are loaded by multi-row INSERT")]);
    const { id } = (await posted.json()) as { id: string };
    const ended = await until(async () => {
      const seen = (await (await fetch(`${at}runs/${id}`)).json()) as { status: string };
      return seen.status !== "running" && seen;
    });
    expect(ended).toMatchObject({ status: "succeeded" });
  } finally {
    await own.root.query("SET GLOBAL local_infile = ON");
    await stop();
  }
});

test("drizzle-kit and adopt take it too", async () => {
  const migrated = await run(["--bun", "x", "drizzle-kit", "migrate"], byFile);
  expect([migrated.code, migrated.stdout]).toEqual([0, expect.stringContaining("migrations applied successfully")]);
  const adopted = await run(["scripts/adopt.ts", "--dry-run"], byFile);
  expect(adopted.stdout + adopted.stderr).not.toContain("ER_ACCESS_DENIED_ERROR");
});
