/** Bodies that are within the limit of bytes and made to take long; each with the status and a text of its answer. */
import { DEFAULTS } from "../../src/config.ts";

export interface Hostile {
  path: string;
  type: string;
  body: string;
  status: number;
  says: RegExp;
}

/** A body with as many units as fit in the limit of bytes. */
function filled(head: string, unit: string, tail = ""): string {
  return head + unit.repeat(Math.floor((DEFAULTS.BODY_BYTES_MAX - head.length - tail.length) / unit.length)) + tail;
}

/** JSON of an object with so many keys. */
const keys = (count: number, name = "k") =>
  `{${Array.from({ length: count }, (_, index) => `"${name}${index}":1`).join(",")}}`;

const listOf = (rows: number, row: (index: number) => string) =>
  `[${Array.from({ length: rows }, (_, index) => row(index)).join(",")}]`;

const json = (path: string, body: string, status: number, says: RegExp): Hostile => ({
  ...{ path, type: "application/json", body, status, says },
});
const lines = (type: string, body: string, status: number, says: RegExp): Hostile => ({
  ...{ path: "/jobs", type, body, status, says },
});
const [NDJSON, CSV] = ["application/x-ndjson", "text/csv"];
const LONG = "k".repeat(60);

/** Functions, since all bodies together are a hundred megabytes. */
export const HOSTILE: Record<string, () => Hostile> = {
  "a row of 500,000 keys": () =>
    json(
      "/jobs",
      listOf(1, () => keys(500_000)),
      413,
      /more than 1024 keys/,
    ),
  "a million repeated keys": () => json("/jobs", filled('[{"k":1', ',"k":1', "}]"), 413, /more than 1024 keys/),
  "millions of empty lists": () => json("/jobs", filled("[[]", ",[]", "]"), 413, /more than 100000 values/),
  "eight million opening brackets": () => json("/jobs", filled("", "["), 400, /deeper than 64 levels/),
  "eight million closing braces": () => json("/jobs", filled("", "}"), 400, /is not JSON/),
  "text of escaped quotes": () => json("/jobs", filled('[{"job":"', '\\"', '"}]'), 422, /255 characters/),
  "text of escaped characters": () => json("/jobs", filled('[{"job":"', "\\u0041", '"}]'), 422, /255 characters/),
  "rows of 97 unknown fields": () =>
    json(
      "/jobs",
      listOf(1000, () => keys(97, LONG)),
      422,
      /more fields are unknown/,
    ),
  "rows that repeat their keys": () =>
    json(
      "/jobs",
      listOf(1000, () => listOf(97, (index) => `"job${index % 40}":1`).replace(/^\[(.*)\]$/, "{$1}")),
      422,
      /is given twice/,
    ),
  "a long key above thousands of values": () =>
    json("/jobs", `[{"${"~".repeat(1_000_000)}":[${"0,".repeat(50_000)}0],"a":1,"a":1}]`, 422, /has no field/),
  "a long key above thousands of repeated keys": () =>
    json(
      "/restore",
      `{"${"~".repeat(1_000_000)}":${listOf(20_000, () => '{"a":1,"a":1}')}}`,
      400,
      /~0~\.\.\. is given twice/,
    ),
  "a thousand rows that are too long": () =>
    json(
      "/jobs",
      listOf(1000, (index) => `{"job":"${"漢".repeat(2700)}${index}"}`),
      422,
      /255 characters/,
    ),
  "a replay of a hundred thousand numbers": () =>
    json("/rejections/replay", `{"rows":${listOf(99_000, () => "1")}}`, 413, /rows has more than 1000 entries/),
  "a restore of a thousand unknown tables": () =>
    json("/restore", `{"table":${listOf(1000, () => '"x"')}}`, 400, /and 950 more/),
  "eight million empty lines of NDJSON": () => lines(NDJSON, filled("", "\n"), 400, /no row/),
  "lines of NDJSON with many keys": () => lines(NDJSON, filled("", `${keys(80_000)}\n`), 422, /more than 1024 keys/),
  "eight million empty lines of CSV": () => lines(CSV, filled("", "\n"), 400, /no row/),
  "CSV rows of half a million escaped quotes": () =>
    lines(CSV, filled("", `1,"${'\\"'.repeat(500_000)}x"y\n`), 422, /an escape as MySQL writes it/),
  "a thousand CSV rows of four thousand cells": () =>
    lines(CSV, `${"x,".repeat(4_000)}\n`.repeat(1_000), 422, /has 2 fields/),
  "CSV rows of half a million cells": () => lines(CSV, filled("", `${"1,".repeat(500_000)}\n`), 422, /has 2 fields/),
};
