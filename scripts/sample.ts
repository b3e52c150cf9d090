import { requireSampleTables } from "../src/codecs/hiring-tables.ts";
import { writeSample } from "../src/ingest/sample.ts";
import { dictionary } from "../src/schema-check.ts";
import { finish, readArguments, refuse } from "./run-command.ts";

const { folder, ...options } = readArguments("sample", ({ rows, bad, seed }, [folder, ...more]) => {
  if (folder === undefined || more.length > 0) refuse("name one FOLDER; see --help");
  return { folder, rows, seed, badShare: bad };
});
await finish(async () => {
  requireSampleTables(dictionary.tables, "a sample");
  const bad = await writeSample(folder, options);
  const text = `${folder}: ${options.rows} employees, ${bad} of them break a rule`;
  return { status: "succeeded", facts: { folder, rows: options.rows, bad }, text };
});
