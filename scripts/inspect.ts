import { readConfig } from "../src/config.ts";
import { lineOf } from "../src/db/driver-errors.ts";
import type { FileInspection } from "../src/ingest/inspect-file.ts";
import { inspectSource, type SourceInspection } from "../src/ingest/inspect-source.ts";
import { type OpenDatabase, openDatabase } from "../src/open-database.ts";
import { readRecipe } from "../src/read/recipes/recipe-file.ts";
import { folderToSave, type NamedRecipe, recipeOfFiles, saveRecipe } from "../src/read/recipes/save-recipe.ts";
import { dictionary } from "../src/schema-check.ts";
import { escaped, firstOf } from "../src/shown.ts";
import { reportOf } from "./inspect-report.ts";
import { say } from "./progress.ts";
import { type Context, finish, type Outcome, readArguments, refuse } from "./run-command.ts";

const options = readArguments("inspect", ({ table, recipe, save }, locations, parts) => {
  if (locations.length === 0) refuse("name a SOURCE to inspect: a directory, a file, - or s3://BUCKET/PREFIX/");
  return { table, recipe, save, locations, parts };
});
await finish(inspect);

async function inspect({ signal }: Context): Promise<Outcome> {
  const folders = new Map<string, string>();
  if (options.save) for (const each of options.locations) folders.set(each, await folderToSave(each));
  const recipe = options.recipe === undefined ? undefined : await readRecipe(options.recipe);
  const given = { dictionary, only: options.table, options: options.parts, recipe, signal, say };
  const database = await openOrNone();
  const sources: SourceInspection[] = [];
  try {
    for (const location of options.locations) sources.push(await inspectSource(location, database?.pool, given));
  } finally {
    await database?.close().catch((error) => say(lineOf(error)));
  }
  const saved = options.save ? await saveAll(sources, folders) : [];
  const unread = sources.flatMap(({ files }) => files.filter(({ error }) => error !== undefined));
  const names = unread.map(({ name }) => escaped(name)).join(", ");
  return {
    status: unread.length > 0 ? "refused" : "succeeded",
    ...(unread.length > 0 && { error: `${names} cannot be read with what is proposed` }),
    facts: { sources, saved },
    text: [...sources.map(reportOf), ...savedLines(saved, sources)].join("\n"),
  };
}

/** Without a database the files are inspected too, but ids and references are not checked. */
async function openOrNone(): Promise<OpenDatabase | undefined> {
  const config = readConfig(process.env);
  try {
    return await openDatabase(config, { dictionary, use: "read", say });
  } catch (error) {
    say(`no database answers, so ids and references are not checked: ${lineOf(error)}`);
    return undefined;
  }
}

/** Saves one recipe in each folder, with what is certain about the files in it. */
async function saveAll(sources: readonly SourceInspection[], folders: ReadonlyMap<string, string>): Promise<string[]> {
  const byFolder = new Map<string, { files: NamedRecipe[]; areAll: boolean }>();
  for (const { location, files, areAll } of sources) {
    const folder = folders.get(location) ?? "";
    const known = byFolder.get(folder) ?? { files: [], areAll: true };
    const readable = files.filter((file) => file.found.length > 0);
    known.files.push(...readable.map(namedRecipe));
    known.areAll &&= areAll && readable.length === files.length;
    byFolder.set(folder, known);
  }
  const saved: string[] = [];
  for (const [folder, { files, areAll }] of byFolder) {
    const recipe = recipeOfFiles(files, areAll);
    if (recipe) saved.push(await saveRecipe(folder, recipe));
    else say(`nothing to save in ${escaped(folder)}: the strict default reads what is certain`);
  }
  return saved;
}

function namedRecipe({ name, certain }: FileInspection): NamedRecipe {
  return { name, recipe: certain };
}

/** What was saved, and what was left out because it is doubtful. */
function savedLines(saved: readonly string[], sources: readonly SourceInspection[]): string[] {
  const doubts = sources.flatMap(({ files }) =>
    files.flatMap(({ name, found }) =>
      found.flatMap(({ part, is, doubt }) => (doubt === undefined ? [] : [`${name}: ${part} ${is}`])),
    ),
  );
  const without = doubts.length > 0 ? `, without what is doubtful (${escaped(firstOf(doubts))})` : "";
  return saved.map((path) => `saved ${escaped(path)}${without}`);
}
