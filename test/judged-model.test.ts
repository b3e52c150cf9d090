/** Tables that the server judges: any rows end as a plain model says. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { judgedTables } from "./support/judged-tables.ts";

const { empty, forget, close, load, select, rejected } = await judgedTables();
afterAll(close);
beforeEach(empty);

const row = fc.record({
  login: fc.constantFrom("a", "b", "c", "d", "e"),
  email: fc.constantFrom("", "", "u", "v", "w"),
  boss: fc.constantFrom("", "", "", "a", "b", "c", "d", "e", "none"),
});
type Person = { login: string; email: string; boss: string };

test("any rows end as if they were stored one by one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 4 }), fc.array(row, { maxLength: 12 }), async (before, rows) => {
      await empty();
      const text = (people: Person[]) =>
        `login,email,boss\n${people.map((each) => `${each.login},${each.email},${each.boss}\n`).join("")}`;
      if (before.length > 0) await load({ "people.csv": text(before) });
      const there = await stored();
      await forget();
      if (rows.length === 0) return;
      const { counts } = await load({ "people.csv": text(rows) });
      const want = model(there, rows);
      expect(await stored()).toEqual([...there, ...want.accepted].sort((a, b) => a.login.localeCompare(b.login)));
      const { inserted = 0, unchanged = 0 } = counts.people ?? {};
      expect([inserted, unchanged]).toEqual([want.accepted.length, want.unchanged]);
      expect(Object.keys(await rejected())).toHaveLength(rows.length - inserted - unchanged);
    }),
    { numRuns: 25 },
  );
});

const stored = async (): Promise<Person[]> => {
  const rows = await select("SELECT login, COALESCE(email, ''), COALESCE(boss, '') FROM people ORDER BY login");
  return rows.map(([login, email, boss]) => ({ login, email, boss })) as Person[];
};

/** Orphans first, then the first row wins; if an accepted row has lost its parent, all begins again without it. */
function model(there: Person[], rows: Person[]): { accepted: Person[]; unchanged: number } {
  const orphans = new Set<Person>();
  const isStored = (login: string) => there.some((each) => each.login === login);
  const isFree = (each: Person) =>
    !isStored(each.login) && (each.email === "" || !there.some(({ email }) => email === each.email));
  for (;;) {
    const peel = (parents: () => Person[]) => {
      for (let found = -1; found !== 0; ) {
        const lost = rows.filter(
          (each) =>
            !(each.boss === "" || isStored(each.boss) || each.boss === each.login || orphans.has(each)) &&
            !parents().some(({ login }) => login === each.boss),
        );
        for (const each of lost) orphans.add(each);
        found = lost.length;
      }
    };
    peel(() => rows.filter((each) => isFree(each) && !orphans.has(each)));
    const accepted: Person[] = [];
    for (const each of rows) {
      const rival = accepted.some(({ login, email }) => login === each.login || (email !== "" && email === each.email));
      if (isFree(each) && !orphans.has(each) && !rival) accepted.push(each);
    }
    const before = orphans.size;
    peel(() => accepted.filter((each) => !orphans.has(each)));
    if (orphans.size > before) continue;
    const same = (a: Person, b: Person) => a.login === b.login && a.email === b.email && a.boss === b.boss;
    const repeats = rows.filter(
      (each) =>
        !accepted.includes(each) && !orphans.has(each) && [...there, ...accepted].some((one) => same(one, each)),
    );
    return { accepted, unchanged: repeats.length };
  }
}
