/**
 * Writes the files that are generated from the source. It runs after drizzle-kit has written the migrations. With --check it
 * writes nothing, and fails if a file or a migration is out of date:
 *   client/           a package made from src/typed-client.ts: JavaScript for any runtime, and types that import nothing from
 *                     src/, so that a program that uses them does not compile Muster;
 *   docs/recipe.schema.json   the JSON Schema of a recipe, for editors;
 *   README.md, docs/  the table of settings, and the --help of each command, between <!-- begin NAME --> and <!-- end NAME -->.
 *   usage: bun scripts/generate.ts [--check]
 */
import "../src/schema-check.ts";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { generateMySQLDrizzleJson } from "drizzle-kit/api";
import { z } from "zod";
import { SETTINGS, type Setting } from "../src/config.ts";
import * as ledger from "../src/db/ledger.ts";
import * as schema from "../src/db/schema.ts";
import { defaultOf } from "../src/options.ts";
import { Recipe } from "../src/read/recipes/recipe.ts";
import { COMMANDS, helpOf } from "./commands.ts";

const ROOT = join(import.meta.dir, "..");
const check = process.argv.includes("--check");
await checkMigrations();
for (const [name, text] of Object.entries({ ...(await clientPackage()), ...(await pages()), ...recipeSchema() })) {
  const file = Bun.file(join(ROOT, name));
  const before = (await file.exists()) ? await file.text() : "";
  if (before === text || (name.endsWith(".d.ts") && wordsOf(before) === wordsOf(text))) continue;
  if (check) end(`${name} is out of date: run bun run generate`);
  await file.write(text);
}

/**
 * Compares the newest snapshot in drizzle/ with the schema, as `drizzle-kit generate` does, but without asking questions or
 * writing a file.
 */
async function checkMigrations(): Promise<void> {
  const folder = join(ROOT, "drizzle");
  const read = (name: string) => Bun.file(join(folder, "meta", name)).json();
  const { entries }: { entries: { idx: number; tag: string }[] } = await read("_journal.json");
  const newest = entries.at(-1);
  const written = newest && (await read(`${String(newest.idx).padStart(4, "0")}_snapshot.json`));
  const wanted = await generateMySQLDrizzleJson({ ...schema, ...ledger });
  const names = new Set([...Object.keys(wanted.tables), ...Object.keys(written?.tables ?? {})]);
  const changed = [...names].filter((name) => !Bun.deepEquals(wanted.tables[name], written?.tables[name]));
  if (changed.length > 0)
    end(`drizzle/ has no migration for what changed in ${changed.join(", ")}: run bun run generate`);

  const files = new Set(readdirSync(folder).flatMap((name) => (name.endsWith(".sql") ? basename(name, ".sql") : [])));
  const stray = [...files.symmetricDifference(new Set(entries.map(({ tag }) => tag)))];
  if (stray.length > 0)
    end(`drizzle/ and drizzle/meta/_journal.json differ in ${stray.join(", ")}: run bun run generate`);
}

async function clientPackage(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "muster-client-"));
  try {
    const tsc = ["node_modules/.bin/tsc", "-p", "tsconfig.client.json", "--outDir", folder];
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, ...tsc], { cwd: ROOT });
    if (exitCode !== 0) end(stdout.toString().trim());
    const types = await Bun.file(join(folder, "src/typed-client.d.ts")).text();
    if (/from "\.|import\("\./.test(types))
      end("client/index.d.ts would import from src/: see WrittenOut in src/typed-client.ts");
    const source = await Bun.file(join(ROOT, "src/typed-client.ts")).text();
    const script = new Bun.Transpiler({ loader: "ts" }).transformSync(source);
    return { "client/index.js": script, "client/index.d.ts": types, "client/package.json": await manifest() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The package.json of client/. As a separate package it can be installed without the service's dependencies. */
async function manifest(): Promise<string> {
  const { name, version, license, type, dependencies } = await Bun.file(join(ROOT, "package.json")).json();
  const exports = { "./client": { types: "./index.d.ts", default: "./index.js" } };
  const made = { name, version, license, private: true, type, exports, dependencies: { hono: dependencies.hono } };
  return `${JSON.stringify(made, null, 2)}\n`;
}

function recipeSchema(): Record<string, string> {
  const schema = z.toJSONSchema(Recipe, { io: "input" });
  return { "docs/recipe.schema.json": `${JSON.stringify({ ...schema, title: "How Muster reads files" }, null, 2)}\n` };
}

/** README.md and docs/, with the generated text between their markers. */
async function pages(): Promise<Record<string, string>> {
  const texts = new Map([["settings", settingsTable()]]);
  for (const name of Object.keys(COMMANDS) as (keyof typeof COMMANDS)[]) {
    texts.set(name, `\`\`\`\n${helpOf(name)}\n\`\`\``);
  }
  const made: Record<string, string> = {};
  const missing = new Set(texts.keys());
  for (const page of ["README.md", ...new Bun.Glob("docs/*.md").scanSync(ROOT)]) {
    const text = await Bun.file(join(ROOT, page)).text();
    made[page] = text.replace(/(<!-- begin (\w+) -->\n)[\s\S]*?(<!-- end \2 -->)/g, (_, begin, name, finish) => {
      missing.delete(name);
      return `${begin}${texts.get(name) ?? end(`${page}: there is nothing to generate for ${name}`)}\n${finish}`;
    });
  }
  if (missing.size > 0)
    end(`no page has the lines <!-- begin NAME --> and <!-- end NAME --> for ${[...missing].join(", ")}`);
  return made;
}

function settingsTable(): string {
  const rows = Object.entries<Setting>(SETTINGS).map(([name, setting]) => {
    const { commands = ["start"] } = setting;
    const users = commands.map((command) => (command === "start" ? "the service" : command));
    return [`\`${name}\``, setting.about, defaultOf(setting) ?? "", users.join(", ")];
  });
  const lines = [["setting", "meaning", "default", "used by"], ["---", "---", "---", "---"], ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}

/** The words of a type file, sorted: the compiler writes the members of a union in the order it met them, which may change. */
function wordsOf(text: string): string {
  return text
    .split(/[\s|;]+/)
    .sort()
    .join(" ");
}

function end(message: string): never {
  console.error(message);
  process.exit(1);
}
