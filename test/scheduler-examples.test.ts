/** The examples for cron, systemd and Kubernetes in docs/operating.md: what they name exists, and the formats are right. */
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { COMMANDS, type CommandName, flagsOf } from "../scripts/commands.ts";
import { SETTINGS } from "../src/config.ts";
import { folderOf, removeFolders } from "./support/files.ts";
import { missing } from "./support/missing.ts";
import { textOf } from "./support/pages.ts";

afterAll(removeFolders);

const [, section = ""] = /^## By a scheduler$([\s\S]*?)^## /m.exec(textOf("docs/operating.md")) ?? [];
const blocks = (language: string) =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text = ""]) => text);
const [crontab = ""] = blocks("cron");
const [units = ""] = blocks("ini");
const manifests = blocks("yaml");

interface Container {
  name: string;
  command?: string[];
  env: { name: string }[];
}
interface Manifest {
  kind: string;
  spec: { template?: Template; jobTemplate?: { spec: { template: Template } } };
}
interface Template {
  spec: { containers: Container[] };
}
const containers = manifests.flatMap((text) => {
  const { spec } = Bun.YAML.parse(text) as Manifest;
  return (spec.template ?? spec.jobTemplate?.spec.template)?.spec.containers ?? [];
});

/** Every command of the examples as words. */
const commands = [
  ...[...`${crontab}${units}`.matchAll(/\bmuster ((?:import|backup) [^>\n]*)/g)].map(([, text = ""]) =>
    text.trim().split(/\s+/),
  ),
  ...containers.flatMap(({ command }) =>
    command ? [command.slice(1).map((word) => word.replace(/^scripts\/(\w+)\.ts$/, "$1"))] : [],
  ),
];

test("every command and option in them exists, and takes the value that is given", () => {
  expect(commands.map(([name]) => name)).toEqual(["import", "backup", "backup", "import"]);
  for (const [name = "", ...words] of commands) {
    expect(Object.keys(COMMANDS)).toContain(name);
    const flags = flagsOf(name as CommandName);
    for (const [at, word] of words.entries()) {
      if (!word.startsWith("--")) continue;
      const option = flags[word.slice(2)];
      const given = option?.value === undefined ? true : words[at + 1];
      expect([name, word, option?.type.safeParse(given).success]).toEqual([name, word, true]);
    }
  }
});

test("every environment variable in them is a setting", () => {
  const names = [
    ...[...crontab.matchAll(/^(\w+)=/gm), ...units.matchAll(/^Environment=(\w+)=/gm)].map(([, name = ""]) => name),
    ...containers.flatMap(({ env }) => env.map(({ name }) => name)),
  ];
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !Object.hasOwn(SETTINGS, name.replace(/^AWS_.+/, "AWS_*")))).toEqual([]);
});

const analyze = Bun.which("systemd-analyze");
test.skipIf(!analyze)(`systemd accepts the units${missing("systemd-analyze", Boolean(analyze))}`, async () => {
  const files = units.split(/^# .*\/(?=[\w.-]+$)/m).slice(1);
  const named = files.map((text): [string, string] => {
    const [name = "", ...lines] = text.split("\n");
    // The program is not installed here, and systemd looks for it.
    return [name, lines.join("\n").replace("/usr/local/bin/muster", process.execPath)];
  });
  expect(named.map(([name]) => name)).toEqual(["muster-backup.service", "muster-backup.timer", "muster.service"]);
  const folder = await folderOf(Object.fromEntries(named));
  const paths = named.map(([name]) => join(folder, name));
  const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", "--man=no", ...paths]);
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
});

const validate = process.env.MUSTER_KUBERNETES_VALIDATE;
const withoutSchemas = missing("MUSTER_KUBERNETES_VALIDATE", Boolean(validate));
test.skipIf(!validate)(
  `the schemas of Kubernetes accept the manifests, without unknown fields${withoutSchemas}`,
  async () => {
    for (const text of manifests) {
      const folder = await folderOf({ "manifest.yaml": text });
      const { exitCode, stdout, stderr } = Bun.spawnSync([validate ?? "", "--strict", join(folder, "manifest.yaml")]);
      expect([exitCode, `${stderr}`]).toEqual([0, ""]);
      expect(`${stdout}`).toMatch(/passed/);
    }
  },
);
