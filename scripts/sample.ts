import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireSampleTables } from "../src/codecs/hiring-tables.ts";
import { type SampleOptions, writeSample } from "../src/ingest/sample.ts";
import { S3Location } from "../src/s3/location.ts";
import { uploadStream } from "../src/s3/objects.ts";
import { dictionary } from "../src/schema-check.ts";
import { finish, readArguments, refuse } from "./run-command.ts";

const { folder, ...options } = readArguments("sample", ({ rows, bad, seed }, [folder, ...more]) => {
  if (folder === undefined || more.length > 0) refuse("name one FOLDER; see --help");
  return { folder, rows, seed, badShare: bad };
});
await finish(async () => {
  requireSampleTables(dictionary.tables, "a sample");
  const bad = folder.startsWith("s3://")
    ? await uploadSample(S3Location.parse(folder), options)
    : await writeSample(folder, options);
  const text = `${folder}: ${options.rows} employees, ${bad} of them break a rule`;
  return { status: "succeeded", facts: { folder, rows: options.rows, bad }, text };
});

/** Writes the files into a temporary folder, and then into the bucket. @returns how many rows break a rule */
async function uploadSample(location: S3Location, options: SampleOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "muster-sample-"));
  try {
    const bad = await writeSample(folder, options);
    for await (const file of new Bun.Glob("*.csv").scan(folder)) {
      await uploadStream(location, file, Bun.file(join(folder, file)).stream());
    }
    return bad;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
