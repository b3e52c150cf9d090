/**
 * Makes client/, a package, of src/typed-client.ts: JavaScript for any runtime, and types that name no file of src, so that who
 * imports them checks none of it.
 *   usage: bun scripts/client.ts [--check]    --check writes nothing, and fails where client/ is not what src says
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(await made())) {
  const file = Bun.file(join(ROOT, name));
  const there = (await file.exists()) ? await file.text() : "";
  if (wordsOf(there) === wordsOf(text)) continue;
  if (check) end(`${name} is not what src/ says: run bun run generate`);
  await file.write(text);
}

async function made(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "muster-client-"));
  try {
    const tsc = ["node_modules/.bin/tsc", "-p", "tsconfig.client.json", "--outDir", folder];
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, ...tsc], { cwd: ROOT });
    if (exitCode !== 0) end(stdout.toString().trim());
    const types = await Bun.file(join(folder, "src/typed-client.d.ts")).text();
    if (/from "\.|import\("\./.test(types))
      end("client/ would name a file of src/: see WrittenOut in src/typed-client.ts");
    const source = await Bun.file(join(ROOT, "src/typed-client.ts")).text();
    const script = new Bun.Transpiler({ loader: "ts" }).transformSync(source);
    return { "client/index.js": script, "client/index.d.ts": types, "client/package.json": await manifest() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A package of its own: whoever installs the whole of Muster gets its database and backups too. */
async function manifest(): Promise<string> {
  const { name, version, license, type, dependencies } = await Bun.file(join(ROOT, "package.json")).json();
  const exports = { "./client": { types: "./index.d.ts", default: "./index.js" } };
  const made = { name, version, license, private: true, type, exports, dependencies: { hono: dependencies.hono } };
  return `${JSON.stringify(made, null, 2)}\n`;
}

/** The words of a file, since the compiler writes the members of a union in whichever order it met them. */
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
