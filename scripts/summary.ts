/** What a command prints at its end: counts, speed, and rejected rows by reason. */
import type { Reason, ReasonCode } from "../src/db/ledger.ts";
import { cut, escaped } from "../src/shown.ts";

/** How long a command's work took, up to the end of its last statement, and how fast that was. */
interface Speed {
  seconds: number;
  rows_per_s: number;
  /** A megabyte is a million bytes. */
  mb_per_s?: number;
}

/** @param started by performance.now() */
export function speedSince(started: number, tables: Record<string, { received: number }>, bytes?: number): Speed {
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  const rows = Object.values(tables).reduce((sum, { received }) => sum + received, 0);
  return { seconds, ...rates({ rows, bytes }, seconds) };
}

type Rates = Omit<Speed, "seconds">;

export function rates({ rows, bytes }: { rows: number; bytes?: number | undefined }, seconds: number): Rates {
  const rows_per_s = Math.round(rows / seconds);
  return bytes === undefined ? { rows_per_s } : { rows_per_s, mb_per_s: Number((bytes / seconds / 1e6).toFixed(2)) };
}

export function rateTexts({ rows_per_s, mb_per_s }: Rates): string[] {
  const texts = rows_per_s > 0 ? [`${rows_per_s} rows/s`] : [];
  if (mb_per_s !== undefined) texts.push(`${mb_per_s} MB/s`);
  return texts;
}

export const speedText = (speed: Speed) => [`${speed.seconds} s`, ...rateTexts(speed)].join(", ");

/** Counts of each table, and their sums if there are several tables. */
export function countsTable(tables: Record<string, object>): string {
  const lines = Object.entries(tables) as [string, Record<string, number>][];
  const keys = Object.keys(lines[0]?.[1] ?? {});
  if (lines.length > 1) {
    const sum = (key: string) => lines.reduce((total, [, counts]) => total + (counts[key] ?? 0), 0);
    lines.push(["all", Object.fromEntries(keys.map((key) => [key, sum(key)]))]);
  }
  const cells = lines.map(([name, counts]) => [name, ...keys.map((key) => String(counts[key]))]);
  return aligned([["table", ...keys], ...cells], 1);
}

/** Lays cells out in columns. The first `left` columns are flush left. The others are numbers, and flush right. */
export function aligned(lines: readonly (readonly string[])[], left: number): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, i: number) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0));
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

/** This many rejected rows are shown as soon as they are found. */
const REJECTIONS_SHOWN = 5;
/** This many reasons, the most frequent ones, are shown at the end. */
const REASONS_SHOWN = 20;
/**
 * If there are already this many counts, the fields of further reasons are ignored. This bounds memory, since the name of an
 * unknown field may be any text in a file.
 */
const REASONS_MAX = 1_000;

/** How many rows of a table had this reason. A row may have several. */
interface ReasonCount {
  table: string;
  code: ReasonCode;
  field: string | undefined;
  rows: number;
}

/** Shows the first rejected rows of a command with their position and reasons, and counts all of them by reason. */
export class Rejections {
  #rows = 0;
  readonly #counts = new Map<string, ReasonCount>();

  /** @param line shows a row; undefined shows none */
  constructor(private readonly line: ((text: string) => void) | undefined) {}

  add(where: string, table: string, reasons: readonly Reason[]): void {
    for (const { code, field } of reasons) this.#count(table, code, field);
    const shown = this.#rows++;
    if (shown === REJECTIONS_SHOWN) this.line?.("further rejected rows are counted by reason at the end");
    if (shown >= REJECTIONS_SHOWN) return;
    const why = reasons.map(({ code, field, detail }) => `${reasonText(code, field)}: ${detail}`);
    this.line?.(`${where} rejected: ${why.join("; ")}`);
  }

  #count(table: string, code: ReasonCode, named: string | undefined): void {
    const field = this.#counts.size < REASONS_MAX ? named : undefined;
    const key = JSON.stringify([table, code, field]);
    const count = this.#counts.get(key);
    if (count) count.rows++;
    else this.#counts.set(key, { table, code, field, rows: 1 });
  }

  /** The most frequent reason first. */
  get reasons(): ReasonCount[] {
    return [...this.#counts.values()].sort((a, b) => b.rows - a.rows);
  }

  /** The counts by reason as a table, after a blank line; "" if no row was rejected. */
  get text(): string {
    const all = this.reasons;
    if (all.length === 0) return "";
    const lines = all
      .slice(0, REASONS_SHOWN)
      .map((each) => [each.table, reasonText(each.code, each.field), `${each.rows}`]);
    const more = all.length > REASONS_SHOWN ? `\n... and ${all.length - REASONS_SHOWN} more reasons` : "";
    return `\n\n${aligned([["table", "rejected for", "rows"], ...lines], 2)}${more}\n`;
  }
}

const reasonText = (code: ReasonCode, field: string | undefined) =>
  `${code}${field ? ` (${cut(escaped(field))})` : ""}`;
