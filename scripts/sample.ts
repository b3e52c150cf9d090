import { MusterError } from "../src/errors.ts";
import { DEFAULT_SAMPLE, writeSample } from "../src/ingest/sample.ts";
import { readArguments } from "./command.ts";

const HELP = `Usage: bun run scripts/sample.ts FOLDER [options]

Writes synthetic departments.csv, jobs.csv and hired_employees.csv into FOLDER.

  --rows N     rows of hired_employees.csv (${DEFAULT_SAMPLE.rows})
  --bad P%     share of them that break a rule (${DEFAULT_SAMPLE.badShare * 100}%)
  --seed N     the same seed makes the same files (${DEFAULT_SAMPLE.seed})
  --help       this text`;

const { folder, ...options } = readArguments(
  HELP,
  { rows: { type: "string" }, bad: { type: "string" }, seed: { type: "string" } },
  ({ rows, bad, seed }, [folder, ...more]) => {
    if (folder === undefined || more.length > 0) throw new MusterError("invalid", "name one FOLDER; see --help");
    return {
      folder,
      rows: whole("--rows", rows, /^(\d+)$/) ?? DEFAULT_SAMPLE.rows,
      seed: whole("--seed", seed, /^(\d+)$/) ?? DEFAULT_SAMPLE.seed,
      badShare: (whole("--bad", bad, /^(\d+(?:\.\d+)?)%$/) ?? DEFAULT_SAMPLE.badShare * 100) / 100,
    };
  },
);
const bad = await writeSample(folder, options);
console.log(`${folder}: ${options.rows} employees, ${bad} of them break a rule`);

function whole(option: string, text: string | undefined, form: RegExp): number | undefined {
  if (text === undefined) return undefined;
  const [, digits] = form.exec(text) ?? [];
  if (digits === undefined)
    throw new MusterError("invalid", `${option} ${text}: not a value that it takes; see --help`);
  return Number(digits);
}
