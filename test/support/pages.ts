/** README.md, CONTRIBUTING.md and docs/*.md: their headings, links and commands, and whether a command answered what the page shows. */
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

export interface Page {
  name: string;
  text: string;
  headings: string[];
}

/** A command of a page, and what the page shows as its output. */
export interface Step {
  command: string;
  shown?: string | undefined;
}

export const pages: Page[] = await Promise.all(
  ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...[...new Bun.Glob("docs/*.md").scanSync(ROOT)].sort()].map(
    async (name) => {
      const text = await Bun.file(join(ROOT, name)).text();
      const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
      return { name, text, headings: [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading) };
    },
  ),
);

export const textOf = (name: string) => pages.find((page) => page.name === name)?.text ?? "";

/** The anchor that GitHub gives to a heading. */
export const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** The first words after ``` of each block. */
export const fencesOf = ({ text }: Page) =>
  [...text.matchAll(/^```(.+)\n[\s\S]*?^```$/gm)].map(([, info = ""]) => info);

/**
 * The commands of a page, in order. They stand in blocks of two kinds:
 *
 *     ```sh       is run as one script. A json, csv or text block right below it has its output.
 *     ```console  has commands after "$ ", each with its output below it. "> " begins the next line of a command.
 *
 * ```sh norun: REASON is not run.
 */
export function stepsOf({ text }: Page): Step[] {
  const blocks = text.matchAll(/^```(sh|console)\n([\s\S]*?)^```\n(?:\n```(?:json|csv|text)\n([\s\S]*?)^```$)?/gm);
  return [...blocks].flatMap(([, kind, block = "", shown]) =>
    kind === "sh" ? [{ command: block.trimEnd(), shown }] : stepsOfConsole(block),
  );
}

function stepsOfConsole(block: string): Step[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const lines = part.trimEnd().split("\n");
      const end = lines.findIndex((line, index) => index > 0 && !line.startsWith("> "));
      const command = lines.slice(0, end < 0 ? undefined : end).map((line) => line.replace(/^> /, ""));
      return { command: command.join("\n"), shown: end < 0 ? undefined : lines.slice(end).join("\n") };
    });
}

/** What differs from run to run: ids, times of today, durations and rates, digests. */
const VARYING: [RegExp, string][] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID"],
  [/\d{8}T\d{9}Z-[0-9a-f]{8}/g, "BACKUP"],
  [/20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TODAY"],
  [/\b[0-9a-f]{64}\b/g, "SHA-256"],
  [/\d+(\.\d+)? (s|rows\/s|MB\/s)\b/g, "NUMBER $2"],
  [/"(seconds|rows_per_s|mb_per_s)":[\d.]+/g, '"$1":NUMBER'],
];

/** What npm, the set-up and a progress bar add to the output of a command; no page shows it. */
const NOISE = /^(> .*|\$ sh .*|[\w ]+: (reading|checking|staging|publishing|comparing|replacing|replaying)\b.*)?\n/gm;

/**
 * Whether a command's output is what a page shows. In JSON white space does not count, so that a page may break its lines,
 * and "..." on the page stands for any text.
 * @returns undefined if it is, and else both as they were compared
 */
export function difference(output: string, shown: string): { output: string; shown: string } | undefined {
  const isJson = /^\s*[[{]/.test(shown);
  const comparable = (text: string) => {
    const spaced = isJson ? text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, "$1") : text.replaceAll(/[ \t]+/g, " ");
    return VARYING.reduce((before, [pattern, name]) => before.replaceAll(pattern, name), spaced).trim();
  };
  const plain = `${output}\n`.replaceAll("\r\n", "\n").replaceAll("\uFEFF", "").replaceAll(NOISE, "");
  const compared = { output: comparable(plain), shown: comparable(shown.replaceAll(/\n\s*\n/g, "\n")) };
  const pattern = compared.shown
    .split(/("\.\.\."|^\.\.\.\n|\.\.\.)/m)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&") : anyOf(part)))
    .join("");
  return new RegExp(`^${pattern}$`).test(compared.output) ? undefined : compared;
}

/** "..." in quotes is any string of JSON, on a line of its own any number of lines, and elsewhere any text. */
function anyOf(dots: string): string {
  if (dots === '"..."') return '"(?:[^"\\\\]|\\\\.)*"';
  return dots === "...\n" ? "(?:.*\\n)*?" : "[\\s\\S]*?";
}
