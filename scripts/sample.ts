import { parseArgs } from "node:util";
import { MusterError } from "../src/errors.ts";
import { DEFAULT_SAMPLE, writeSample } from "../src/ingest/sample.ts";
import { EXIT, fail } from "./command.ts";

const HELP = `Usage: bun run scripts/sample.ts FOLDER [options]

Writes synthetic departments.csv, jobs.csv and hired_employees.csv into FOLDER.

  --rows N     rows of hired_employees.csv (${DEFAULT_SAMPLE.rows})
  --bad P%     share of them that break a rule (${DEFAULT_SAMPLE.badShare * 100}%)
  --seed N     the same seed makes the same files (${DEFAULT_SAMPLE.seed})
  --help       this text`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: "string", default: String(DEFAULT_SAMPLE.rows) },
      bad: { type: "string", default: `${DEFAULT_SAMPLE.badShare * 100}%` },
      seed: { type: "string", default: String(DEFAULT_SAMPLE.seed) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  else {
    const [folder, ...more] = positionals;
    if (folder === undefined || more.length > 0) throw new MusterError("invalid", "name one FOLDER; see --help");
    const rows = whole("--rows", values.rows, /^(\d+)$/);
    const badShare = whole("--bad", values.bad, /^(\d+(?:\.\d+)?)%$/) / 100;
    const bad = await writeSample(folder, { rows, badShare, seed: whole("--seed", values.seed, /^(\d+)$/) });
    console.log(`${folder}: ${rows} employees, ${bad} of them break a rule`);
  }
} catch (error) {
  process.exit(
    fail(error instanceof TypeError ? new MusterError("invalid", `${error.message}; see --help`) : error, false),
  );
}
process.exit(EXIT.done);

function whole(option: string, text: string, form: RegExp): number {
  const [, digits] = form.exec(text) ?? [];
  if (digits === undefined)
    throw new MusterError("invalid", `${option} ${text}: not a value that it takes; see --help`);
  return Number(digits);
}
