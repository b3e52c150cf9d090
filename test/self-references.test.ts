/** Rows that refer to rows of their own table: a manager, a box inside a box. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { KEYS } from "./support/kinds-schema.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty("employees", "boxes", "devices", "people"));

/** For each table: the key of row n, and a row n that refers to row m (or to none) as JSON. */
const KINDS = {
  people: (n: number, m?: number) => ({
    login: `P${n}`,
    name: `Person ${n}`,
    manager: m === undefined ? null : `p${m}`,
  }),
  employees: (n: number, m?: number) => ({
    ...{ id: n, name: `Employee ${n}`, manager_id: m ?? null },
    ...{ badge: null, office: "north", desk: n },
  }),
  boxes: (n: number, m?: number) => ({
    ...{ site: `S${n}`, number: n },
    ...{ inside_site: m === undefined ? null : `s${m}`, inside_number: m ?? null },
  }),
};
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];
/** The field that the reasons name. */
const FIELD = { people: "manager", employees: "manager_id", boxes: "inside_site,inside_number" };

/** Pairs of a row and the row that it refers to. */
type Pairs = readonly (readonly [number, number?])[];
const rowsOf = (kind: Kind, pairs: Pairs) => pairs.map(([n, m]) => KINDS[kind](n, m));
const csvOf = (rows: readonly object[]) =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row).map((value) => value ?? ""))]
    .map((cells) => `${cells.join(",")}\n`)
    .join("");

/** What becomes of the rows of a file: the index of each rejected row with its codes. */
async function byImport(kind: Kind, pairs: Pairs) {
  const { run, tables } = await muster.load({ [`${kind}.csv`]: csvOf(rowsOf(kind, pairs)) });
  const rejected = await muster.rejected(run);
  return {
    counts: tables[kind],
    // The first line is the header.
    rejected: rejected.map(({ position, reasons }) => [
      position - 2,
      ...reasons.map(({ code, field }) => `${code} ${field}`),
    ]),
  };
}

/** The same by POST. */
async function byPost(kind: Kind, pairs: Pairs) {
  const { rows, received, inserted, unchanged, rejected } = await muster.post(`/${kind}`, rowsOf(kind, pairs));
  return {
    counts: { received, inserted, unchanged, rejected },
    rejected: rows.flatMap(({ index, reasons }) =>
      reasons ? [[index, ...reasons.map(({ code, field }) => `${code} ${field}`)]] : [],
    ),
  };
}

const WAYS = { "an import": byImport, "a POST": byPost };
const cases = kinds.flatMap((kind) => Object.entries(WAYS).map(([way, judge]) => [kind, way, judge] as const));

describe.each(cases)("%s by %s", (kind, _, judge) => {
  test.each<[string, Pairs]>([
    ["parents first", [[1], [2, 1], [3, 2]]],
    ["children first", [[3, 2], [2, 1], [1]]],
    ["in any order", [[2, 1], [4, 3], [1], [3, 1], [5, 5]]],
    [
      "in a circle of two",
      [
        [1, 2],
        [2, 1],
      ],
    ],
    [
      "in a circle of three, with a row that hangs on it",
      [
        [4, 1],
        [1, 2],
        [2, 3],
        [3, 1],
      ],
    ],
    [
      "to themselves",
      [
        [1, 1],
        [2, 2],
      ],
    ],
  ])("rows refer %s: all are stored, and are unchanged when they come again", async (_, pairs) => {
    const rows = pairs.length;
    expect(await judge(kind, pairs)).toMatchObject({ counts: { received: rows, inserted: rows }, rejected: [] });
    expect(await judge(kind, pairs)).toMatchObject({ counts: { received: rows, unchanged: rows }, rejected: [] });
  });

  test("a row may refer to a row that is stored, and to one that is not", async () => {
    await judge(kind, [[1], [2, 1]]);
    expect(
      await judge(kind, [
        [3, 2],
        [4, 9],
        [5, 3],
      ]),
    ).toMatchObject({
      counts: { inserted: 2, rejected: 1 },
      rejected: [[1, `unknown_reference ${FIELD[kind]}`]],
    });
  });

  test("if the first of a chain has no parent, every row of the chain is rejected", async () => {
    const unknown = `unknown_reference ${FIELD[kind]}`;
    expect(await judge(kind, [[5, 4], [2, 1], [1, 9], [3, 2], [4, 3], [6], [7, 6]])).toMatchObject({
      counts: { received: 7, inserted: 2, rejected: 5 },
      rejected: [0, 1, 2, 3, 4].map((index) => [index, unknown]),
    });
  });

  test("a row under one that is rejected as a duplicate refers to the stored row", async () => {
    await judge(kind, [[1], [2, 1]]);
    const { counts, rejected } = await judge(kind, [
      [1, 2],
      [3, 1],
    ]);
    expect(counts).toMatchObject({ inserted: 1, rejected: 1 });
    expect(rejected).toMatchObject([[0, expect.stringContaining("duplicate_id")]]);
  });

  test("a chain of 500 rows, the last one first, is stored, or is rejected whole", async () => {
    const chain = (root: [number, number?]): Pairs => [
      ...Array.from({ length: 499 }, (_, n) => [500 - n, 499 - n] as const),
      root,
    ];
    expect(await judge(kind, chain([1, 501]))).toMatchObject({ counts: { received: 500, rejected: 500 } });
    expect(await judge(kind, chain([1]))).toMatchObject({ counts: { received: 500, inserted: 500 } });
  });
});
