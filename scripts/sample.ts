import "../src/schema-check.ts";
import { MusterError } from "../src/errors.ts";
import { DEFAULT_SAMPLE, writeSample } from "../src/ingest/sample.ts";
import { finish, readArguments } from "./command.ts";

const HELP = `Usage: bun run scripts/sample.ts FOLDER [options]

Writes synthetic departments.csv, jobs.csv and hired_employees.csv into FOLDER.

  --rows N     rows of hired_employees.csv (${DEFAULT_SAMPLE.rows})
  --bad P%     share of them that break a rule (${DEFAULT_SAMPLE.badShare * 100}%)
  --seed N     the same seed makes the same files (${DEFAULT_SAMPLE.seed})
  --json       end standard output with one line of JSON
  --help       this text`;

/** Rows are numbered from 1. */
const ID_MAX = 2147483647;
const SEED_MAX = 0xffffffff;

const { folder, ...options } = readArguments(
  HELP,
  { rows: { type: "string" }, bad: { type: "string" }, seed: { type: "string" }, json: { type: "boolean" } },
  ({ rows, bad, seed }, [folder, ...more]) => {
    if (folder === undefined || more.length > 0) throw new MusterError("invalid", "name one FOLDER; see --help");
    return {
      folder,
      rows: rows === undefined ? DEFAULT_SAMPLE.rows : whole("--rows", rows, ID_MAX),
      seed: seed === undefined ? DEFAULT_SAMPLE.seed : whole("--seed", seed, SEED_MAX),
      badShare: bad === undefined ? DEFAULT_SAMPLE.badShare : share("--bad", bad),
    };
  },
);
await finish(async () => {
  const bad = await writeSample(folder, options);
  const text = `${folder}: ${options.rows} employees, ${bad} of them break a rule`;
  return { status: "succeeded", facts: { folder, rows: options.rows, bad }, text };
});

function whole(option: string, text: string, most: number): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= most) return Number(text);
  throw new MusterError("invalid", `${option} ${text}: give a whole number from 0 to ${most}`);
}

function share(option: string, text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  if (digits !== undefined && Number(digits) <= 100) return Number(digits) / 100;
  throw new MusterError("invalid", `${option} ${text}: give a share from 0% to 100%`);
}
