/** Synthetic CSV files for the three tables. The same options make the same bytes. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename } from "node:fs/promises";
import { join } from "node:path";

export interface SampleOptions {
  /** Rows of hired_employees.csv. */
  rows: number;
  seed: number;
  /** Share of the rows of hired_employees.csv that break a rule, 0 to 1. */
  badShare: number;
}

/** What `npm start` loads the first time. */
export const DEFAULT_SAMPLE: SampleOptions = { rows: 8_000, seed: 1, badShare: 0.03 };

export const sampleFolder = (dataFolder: string): string => join(dataFolder, "sample");

/** The folder of the default sample. Makes it if it does not exist. */
export async function defaultSample(dataFolder: string): Promise<string> {
  const folder = sampleFolder(dataFolder);
  if (!existsSync(folder)) {
    const unfinished = await mkdtemp(`${folder}-`);
    await writeSample(unfinished, DEFAULT_SAMPLE);
    await rename(unfinished, folder);
  }
  return folder;
}

const CHUNK_CHARACTERS = 256 * 1024;

/**
 * Writes departments.csv, jobs.csv and hired_employees.csv into a folder, which it makes if need be. Hires are in 2021 and
 * 2022. Departments grow at different rates and one hires nobody, so that both reports have something to tell.
 * @returns rows of hired_employees.csv that break a rule
 */
export async function writeSample(folder: string, { rows, seed, badShare }: SampleOptions): Promise<number> {
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "departments.csv"), numbered(DEPARTMENTS.map(([name]) => name)));
  await Bun.write(join(folder, "jobs.csv"), numbered(JOBS));
  const random = mulberry32(seed);
  const file = Bun.file(join(folder, "hired_employees.csv")).writer();
  let text = "";
  let bad = 0;
  for (let id = 1; id <= rows; id++) {
    const cells = employee(id, random);
    // The first row is always good: it shows that the file has no header.
    if (random() < badShare && id > 1) {
      spoil(cells, random);
      bad++;
    }
    text += `${cells.join(",")}\n`;
    if (text.length >= CHUNK_CHARACTERS) {
      file.write(text);
      await file.flush();
      text = "";
    }
  }
  file.write(text);
  await file.end();
  return bad;
}

/** Each department with its share of the hires. */
const DEPARTMENTS: [string, number][] = [
  ["Customer Support", 14],
  ["Data Platform", 9],
  ["Design", 4],
  ["Field Operations", 21],
  ["Finance", 5],
  ["Human Resources", 3],
  ["Legal", 2],
  ["Logistics", 17],
  ["Marketing", 6],
  ["Product", 5],
  ["Sales", 14],
  ["Strategy", 0],
];
const TITLES = ["Analyst", "Associate", "Coordinator", "Engineer", "Lead", "Manager", "Specialist", "Technician"];
const FIELDS = ["Billing", "Claims", "Fleet", "Network", "Quality", "Research", "Training", "Warehouse"];
const JOBS = FIELDS.flatMap((field) => TITLES.map((title) => `${field} ${title}`));
const FIRST = "Ada Bruno Chloé Dário Edda Farid Greta Hugo Inés Jun Kofi Lena Mara".split(" ");
const LAST = "Abreu Brandt Castillo D'Arcy Eriksen Fontaine García Haddad Ito Jensen O'Neil".split(" ");
const MONTHS = 24;
const WEIGHTS = DEPARTMENTS.map(([, weight]) => weight);
const WEIGHT = WEIGHTS.reduce((sum, weight) => sum + weight, 0);

function employee(id: number, random: () => number): string[] {
  const month = Math.floor(random() ** 0.8 * MONTHS); // more hires as time goes on
  const two = (value: number) => String(value).padStart(2, "0");
  const day = two(1 + Math.floor(random() * 28));
  const time = [24, 60, 60].map((most) => two(Math.floor(random() * most))).join(":");
  return [
    String(id),
    `${pick(FIRST, random)} ${pick(LAST, random)}`,
    `${2021 + Math.floor(month / 12)}-${two(1 + (month % 12))}-${day}T${time}Z`,
    String(1 + weighted(random)),
    String(1 + Math.floor(random() * JOBS.length)),
  ];
}

/** Breaks a rule, in one of the ways that are most common in real files. */
function spoil(cells: string[], random: () => number): void {
  const faults = [
    () => cells.splice(1, 1, ""),
    () => cells.splice(2, 1, ""),
    () => cells.splice(3, 1, ""),
    () => cells.splice(4, 1, ""),
    () => cells.splice(2, 1, "2021-02-30T08:00:00Z"),
    () => cells.splice(2, 1, "12/31/2021"),
    () => cells.splice(3, 1, "999"),
    () => cells.splice(0, 1, "n/a"),
    () => cells.pop(),
    () => cells.push("extra"),
  ];
  pick(faults, random)();
}

/** The index of a department, drawn by its share. */
function weighted(random: () => number): number {
  let left = random() * WEIGHT;
  for (const [index, weight] of WEIGHTS.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return 0;
}

const numbered = (names: readonly string[]) => names.map((name, index) => `${index + 1},${name}\n`).join("");

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)] as T;

/** A small seeded generator of numbers from 0 to below 1 (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
