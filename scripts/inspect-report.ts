/** What inspect prints about a source. */
import { called } from "../src/build.ts";
import type { FileInspection } from "../src/ingest/inspect-file.ts";
import type { InspectedRow, InspectedRows } from "../src/ingest/inspect-rows.ts";
import { importCommand, type SourceInspection } from "../src/ingest/inspect-source.ts";
import { quoted } from "../src/read/recipes/option-text.ts";
import { cut, escaped, firstOf } from "../src/shown.ts";
import { aligned } from "./summary.ts";

/** How many reasons for rejections are shown. */
const REASONS_SHOWN = 10;

export function reportOf({ location, files, notes }: SourceInspection): string {
  const parts = files.map((file) => fileReport(location, files.length, file));
  return [...parts, ...notes.map((note) => `${note}\n`)].join("\n");
}

function fileReport(location: string, files: number, file: FileInspection): string {
  const lines = [`${escaped(file.name)}${file.table ? `, for ${file.table}` : ""}`];
  if (file.found.length > 0) lines.push(indented(aligned(foundLines(file), 3)));
  const renamed = file.columns.filter(({ name, column }) => name !== column);
  if (renamed.length > 0) lines.push(`  columns: ${firstOf(renamed.map(columnText))}`);
  if (file.counts.read > 0) lines.push(...rowLines(file));
  lines.push(...doubtLines(file));
  for (const note of file.notes) lines.push(`  ${note}`);
  if (file.error !== undefined) lines.push(`  cannot be read: ${escaped(file.error)}`);
  lines.push(...toDo(location, files, file));
  return `${lines.join("\n")}\n`;
}

const foundLines = ({ found }: FileInspection) =>
  found.map(({ part, is, evidence, doubt }) => [
    part,
    escaped(is),
    `${escaped(evidence)}${doubt === undefined ? "" : " (doubtful)"}`,
  ]);

const columnText = ({ name, column }: FileInspection["columns"][number]) =>
  `${cut(escaped(name)) || "(no name)"} -> ${column ?? "left out"}`;

function rowLines({ rows, counts, reasons }: InspectedRows): string[] {
  const { read, inserted, unchanged, rejected } = counts;
  const sums = reasons
    .slice(0, REASONS_SHOWN)
    .map(
      ({ code, field, rows: times, detail }) =>
        `    ${times} ${code}${field ? ` (${cut(escaped(field))})` : ""}, such as: ${detail}`,
    );
  return [
    "  the first rows as they would be stored:",
    indented(indented(aligned(rows.map(rowCells), 3))),
    `  of the first ${read} rows ${inserted} would be inserted, ${unchanged} are stored already, ${rejected} would be rejected`,
    ...sums,
  ];
}

function rowCells({ position, status, row, raw = "", reasons = [] }: InspectedRow): string[] {
  const why = reasons.map(({ detail }) => detail).join("; ");
  return [`${position}`, status, row ? JSON.stringify(row) : `${cut(escaped(raw))}  ${why}`];
}

function doubtLines({ found }: FileInspection): string[] {
  return found.flatMap(({ part, is, doubt, choices = [] }) => {
    if (doubt === undefined) return [];
    const ways =
      choices.length > 1
        ? `: choose ${choices.join(" or ")}`
        : choices.length === 1
          ? `: read it with ${choices[0]}`
          : "";
    return [`  doubtful: ${part} ${escaped(is)}: ${escaped(doubt)}${ways}`];
  });
}

function toDo(location: string, files: number, file: FileInspection): string[] {
  const { proposed, found, flags } = file;
  const isDoubtful = found.some(({ doubt }) => doubt !== undefined);
  if (Object.keys(proposed).length === 0)
    return isDoubtful || file.error !== undefined ? [] : ["  the strict default reads it"];
  const lines = [`  recipe: ${JSON.stringify({ files: [proposed] })}`];
  const at = files > 1 ? `${location.replace(/\/$/, "")}/${file.name}` : location;
  const command = importCommand(at, file);
  const zone = found.some(({ part, doubt }) => part === "zone" && doubt !== undefined) ? " --zone ZONE" : "";
  if (command !== undefined) lines.push(`  import: ${escaped(command)}${zone}`);
  else lines.push("  import: the recipe in a file, and --recipe FILE");
  if (flags !== null && found.some(({ choices }) => choices !== undefined))
    lines.push(`  to confirm it and keep it: ${called("inspect")} ${escaped(quoted(at))} ${flags}${zone} --save`);
  return lines;
}

const indented = (text: string) => text.replace(/^/gm, "  ");
