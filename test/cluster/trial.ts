/** Commands on a cluster whose primary is killed while they work, and what must hold afterwards. */
import { expect } from "bun:test";
import { readdir } from "node:fs/promises";
import { migrate } from "../../src/db/migrate.ts";
import type { DebugPoint } from "../../src/debug-points.ts";
import { writeSample } from "../../src/ingest/sample.ts";
import type { MusterDatabase } from "../../src/repositories/muster-database.ts";
import { listRuns } from "../../src/repositories/run-log.ts";
import { type Finished, run, start, startStoppedAt } from "../support/commands.ts";
import { connect } from "../support/database.ts";
import { folderOf } from "../support/files.ts";
import { contents, definitions, seen, TABLES, until } from "../support/observe.ts";
import type { Cluster } from "./members.ts";

const ROWS = 60_000;

/** Where the primary is killed: at a point in Muster's own code, or while it works at a statement. */
export type Moment = DebugPoint | RegExp;
export type Counts = Record<"received" | "inserted" | "unchanged" | "rejected" | "withheld", number>;
/** The number of the rows of each table, and their checksum. */
export type Contents = Record<string, string>;

const BACKUP = ["scripts/backup.ts", ...TABLES, "--json"];

/** A cluster with the sample in it, and a backup of that. */
export class Trial {
  readonly #store: string;
  readonly importing: string[];
  readonly environment: Record<string, string>;
  /** What the tables hold after an import that nobody disturbs, and their definitions. */
  whole: Contents = {};
  #migrated: string[] = [];

  private constructor(
    readonly cluster: Cluster,
    source: string,
    store: string,
  ) {
    this.#store = store;
    this.importing = ["scripts/import.ts", source, "--json"];
    this.environment = { DATABASE_URL: cluster.url, BACKUP_STORE: store };
  }

  static async begin(cluster: Cluster): Promise<Trial> {
    const trial = new Trial(cluster, await folderOf({}), await folderOf({}));
    await writeSample(trial.importing[1] ?? "", { rows: ROWS, seed: 5, badShare: 0.01 });
    await migrate(cluster.url);
    await trial.done(trial.importing);
    await trial.done(BACKUP);
    trial.whole = await trial.contents();
    trial.#migrated = await trial.looking(({ pool }) => definitions(pool));
    return trial;
  }

  /** Looks at the database by connections of its own, on the primary of now or on a member. */
  async looking<T>(look: (database: MusterDatabase) => Promise<T>, url = this.cluster.url): Promise<T> {
    const database = await connect(url);
    try {
      return await look(database);
    } finally {
      await database.close().catch(() => {});
    }
  }

  contents = (): Promise<Contents> => this.looking(({ pool }) => contents(pool));

  async change(...statements: string[]): Promise<void> {
    await this.looking(async ({ pool }) => {
      for (const statement of statements) await pool.query(statement);
    });
  }

  /** Starts a command, kills the primary at the moment, and waits for the command's end and for another primary. */
  async killedAt(args: string[], at: Moment): Promise<Finished> {
    const finished = typeof at === "string" ? await this.#killedAtPoint(args, at) : await this.#killedWhile(args, at);
    await this.cluster.elected();
    return finished;
  }

  async #killedAtPoint(args: string[], point: DebugPoint): Promise<Finished> {
    const { command, goOn, stderr } = await startStoppedAt(point, args, this.environment);
    await this.cluster.killPrimary();
    await goOn();
    return { code: await command.exited, stdout: await new Response(command.stdout).text(), stderr: await stderr };
  }

  async #killedWhile(args: string[], statement: RegExp): Promise<Finished> {
    const database = await connect(this.cluster.url);
    const command = start(args, this.environment);
    const output = Promise.all([new Response(command.stdout).text(), new Response(command.stderr).text()]);
    await seen(database, statement, command);
    expect([statement, command.exitCode]).toEqual([statement, null]);
    await this.cluster.killPrimary();
    await database.close().catch(() => {});
    const [stdout, stderr] = await output;
    return { code: await command.exited, stdout, stderr };
  }

  /** Runs a command that must succeed. @returns the object that it prints */
  async done(args: string[]): Promise<{ tables: Record<string, Counts> }> {
    const { code, stdout, stderr } = await run(args, this.environment);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return lastLine(stdout);
  }

  /**
   * Kills the primary under a command. It fails and says so in one line, or it goes on with the next primary and succeeds.
   * @returns what it has left
   */
  async leftBy(args: string[], at: Moment): Promise<Contents> {
    const { code, stdout, stderr } = await this.killedAt(args, at);
    const left = await this.contents();
    expect(stderr).not.toMatch(/^ +at /m);
    if (code === 0) expect([lastLine(stdout).status, left]).toEqual(["succeeded", this.whole]);
    else {
      const error = expect.stringMatching(/^the database (cannot be reached|takes no writes now) \([A-Z_]+\)/);
      expect([code, lastLine(stdout)]).toEqual([1, expect.objectContaining({ status: "failed", error })]);
    }
    return left;
  }

  /** All tables are as after an undisturbed import, on every member, and nothing of a stage is left. */
  async expectWhole(): Promise<void> {
    await this.cluster.rejoin();
    expect(await this.contents()).toEqual(this.whole);
    await this.expectSame();
  }

  /** All members have the same. */
  async expectSame(): Promise<void> {
    const held = await this.contents();
    for (const url of this.cluster.urls) {
      await this.looking(({ pool }) => until(async () => Bun.deepEquals(await contents(pool), held)), url);
      await this.looking(({ pool }) => until(async () => Bun.deepEquals(await definitions(pool), this.#migrated)), url);
    }
  }

  async backups(): Promise<string[]> {
    return (await readdir(this.#store)).filter((name) => !name.startsWith(".")).sort();
  }

  backUpKilledAt = (at: Moment): Promise<Finished> => this.killedAt(BACKUP, at);

  /** The backup command completes, and adds one backup that is whole. */
  async expectBackup(before: string[]): Promise<void> {
    await this.done(BACKUP);
    const added = (await this.backups()).filter((name) => !before.includes(name));
    expect(added).toHaveLength(1);
    await this.verify(added[0]);
    await this.expectWhole();
  }

  async verify(id = ""): Promise<void> {
    await this.done(["scripts/backup.ts", "--verify", id, "--json"]);
  }

  lastRun = (): Promise<string> => this.looking(async ({ db }) => (await listRuns(db, { limit: 1 }))[0]?.id ?? "");

  /** The runs after this one, the newest first. */
  runsSince(earlier: string) {
    return this.looking(async ({ db }) => (await listRuns(db, { limit: 10 })).filter(({ id }) => id > earlier));
  }
}

const lastLine = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
