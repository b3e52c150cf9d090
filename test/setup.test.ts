import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");
const clone = mkdtempSync(join(tmpdir(), "muster-setup-"));
const programs = join(clone, "programs");

beforeAll(() => {
  mkdirSync(programs);
  for (const name of ["package.json", "bun.lock", "scripts"]) {
    cpSync(join(repository, name), join(clone, name), { recursive: true });
  }
  for (const tool of ["sh", "dirname", "sed", "mkdir", "ln", "readlink", "rm", "sleep", "sort", "head", "cmp", "cp"]) {
    symlinkSync(Bun.which(tool) ?? "", join(programs, tool));
  }
});

afterAll(() => rmSync(clone, { recursive: true }));

test("if everything is there, the set-up prints and does nothing", async () => {
  expect(await setUp(repository)).toEqual({ code: 0, output: "" });
});

test("without Bun and npm, one line says what is needed", async () => {
  expect(await setUp(clone, programs)).toEqual({
    code: 1,
    output: expect.stringMatching(/^Muster needs Bun 1.* npm.*\n$/),
  });
});

test("an older Bun is not used, and a newer one is", async () => {
  bunOf("1.3.10");
  expect((await setUp(clone, programs)).output).toStartWith("Muster needs Bun");
  bunOf("1.10.0");
  expect(await setUp(clone, programs)).toEqual({ code: 0, output: "" });
});

test("a set-up that was killed does not hinder the next", async () => {
  bunOf("1.10.0");
  const dead = Bun.spawn(["true"]);
  await dead.exited;
  symlinkSync(String(dead.pid), join(clone, "node_modules/.setup"));
  expect(await setUp(clone, programs)).toEqual({ code: 0, output: "" });
});

/** A stand-in for Bun that only prints a version. */
function bunOf(version: string): void {
  const path = join(programs, "bun");
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "(no changes)"\n`);
  chmodSync(path, 0o755);
}

async function setUp(folder: string, PATH = process.env.PATH): Promise<{ code: number; output: string }> {
  const command = Bun.spawn(["sh", "scripts/setup.sh"], {
    cwd: folder,
    env: { ...process.env, PATH },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([new Response(command.stdout).text(), new Response(command.stderr).text()]);
  return { code: await command.exited, output: output.join("") };
}
