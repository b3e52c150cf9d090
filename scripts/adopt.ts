import "../src/schema-check.ts";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Adoption, adopt } from "../src/adopt/adopt.ts";
import { reportFacts, reportText } from "../src/adopt/report.ts";
import { passwordSource } from "../src/db/password.ts";
import { finish, isJson, type Outcome, readArguments, refuse } from "./run-command.ts";

const ROOT = join(import.meta.dir, "..");
const REPLACES = "src/db/schema.ts and the folder drizzle/";

const options = readArguments("adopt", ({ yes, "dry-run": dryRun, tables, except }, operands) => {
  if (operands.length > 0) refuse(`adopt takes options only, not ${operands[0]}: name tables by --tables`);
  if (tables.length > 0 && except.length > 0) refuse("--tables and --except exclude each other: give one of them");
  return { yes, dryRun, tables, except };
});

await finish(async ({ config, signal }) => {
  const { DATABASE_URL: url } = config;
  if (url === undefined) return refuse("name the database to adopt in DATABASE_URL");
  const { tables, except } = options;
  return adopt({ url, password: passwordSource(config), root: ROOT, tables, except }, (adoption) =>
    carryOut(adoption, signal),
  );
});

async function carryOut(adoption: Adoption, signal: AbortSignal): Promise<Outcome> {
  const [text, facts] = [reportText(adoption), reportFacts(adoption)];
  const refused = (error: string): Outcome => {
    if (!isJson) console.log(text);
    return { status: "refused", error, facts };
  };
  if (adoption.declared.length === 0) return refused("no table can be moved: nothing was written");
  if (options.dryRun) return { status: "succeeded", facts, text: `${text}\n\ndry run: nothing was written` };
  if (!options.yes) {
    if (!process.stdin.isTTY || isJson) return refused(`adopt would replace ${REPLACES}: give --yes to allow it`);
    console.log(text);
    if (!(await isAllowed(signal))) return { status: "refused", error: "nothing was written" };
  }
  signal.throwIfAborted();
  await adoption.carryOut();
  const done = `adopted: ${REPLACES} are written, and Muster's own tables (muster_...) are in the database`;
  const next = "next: npm run generate, which writes the client and the help texts for these tables";
  return { status: "succeeded", facts, text: `${options.yes ? `${text}\n\n` : ""}${done}\n${next}` };
}

async function isAllowed(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`\nReplace ${REPLACES}? What they hold now is lost. [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
