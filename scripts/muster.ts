/** The one executable: every command as a subcommand. scripts/build.ts compiles it. */
import { BUILD } from "../src/build.ts";
import { COMMANDS } from "./commands.ts";

/** Each is a program that runs when it is imported. */
const PROGRAMS: Record<string, () => Promise<unknown>> = {
  serve: () => import("../src/main.ts"),
  import: () => import("./import.ts"),
  inspect: () => import("./inspect.ts"),
  replay: () => import("./replay.ts"),
  backup: () => import("./backup.ts"),
  restore: () => import("./restore.ts"),
  migrate: () => import("./migrate.ts"),
  sample: () => import("./sample.ts"),
};

/** These write source files, or measure against them. */
const NEEDS_CHECKOUT = ["adopt", "generate", "bench"];

const SERVE = "Serves the REST API, and a page for people.";

/** As for every command: with --json, standard output ends with one object, even if there is no such command. */
const isJson = process.argv.includes("--json");
const [name = "--help"] = process.argv.splice(2, 1);
const program = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
if (program) await program();
else if (name === "--version") console.log(versionLine());
else if (name === "--help") console.log(helpLines());
else if (NEEDS_CHECKOUT.includes(name))
  refuse(`${name} works on Muster's source: run "npm run ${name}" in a checkout of Muster`);
else
  refuse(
    `there is no command ${JSON.stringify(name)}: they are ${Object.keys(PROGRAMS).join(", ")}; see muster --help`,
  );

function versionLine(): string {
  const { version = "", commit = "without a commit" } = BUILD ?? {};
  return `muster ${version} (${commit})`;
}

function helpLines(): string {
  const abouts: Record<string, { about: string }> = { serve: { about: SERVE }, ...COMMANDS };
  const lines = Object.keys(PROGRAMS).map((each) => `  ${each.padEnd(8)} ${firstSentence(abouts[each]?.about ?? "")}`);
  return `Usage: muster COMMAND [arguments]
       muster COMMAND --help
       muster --version

Commands:
${lines.join("\n")}

Not in this program, because they work on Muster's source: ${NEEDS_CHECKOUT.join(", ")}.`;
}

function firstSentence(text: string): string {
  return text.replaceAll("\n", " ").replace(/\. .*$/, ".");
}

function refuse(line: string): never {
  console.error(line);
  if (isJson) console.log(JSON.stringify({ status: "refused", error: line }));
  process.exit(2);
}
