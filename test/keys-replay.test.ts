/** Rejected rows of tables with every kind of key, mended and replayed. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { removeFolders } from "./support/files.ts";
import { KEYS, KEYS_CHILDREN_FIRST, uuid } from "./support/kinds-schema.ts";
import { musterWith } from "./support/muster-with.ts";

const muster = await musterWith(KEYS);
afterAll(async () => {
  await muster.close();
  await removeFolders();
});
beforeEach(() => muster.empty(...KEYS_CHILDREN_FIRST));

test("once the missing row is there, a whole chain of rejected rows is stored as it came", async () => {
  const { run, tables } = await muster.load({
    "people.csv": "cy,Cy,bo\nbo,Bo,ana\n",
    "devices.csv": `${uuid(1)},scale,cy\n`,
    "boxes.csv": "a,1,b,1\n",
  });
  expect([tables.people, tables.devices, tables.boxes].map((counts) => counts?.rejected)).toEqual([2, 1, 1]);
  await muster.post("/insert", {
    people: [{ login: "Ana", name: "Ana", manager: null }],
    boxes: [{ site: "B", number: 1, inside_site: null, inside_number: null }],
  });
  expect(await muster.post("/rejections/replay", { run })).toMatchObject({ status: 201, inserted: 4, rejected: 0 });
  expect(await muster.rejected(run)).toMatchObject(Array(4).fill({ state: "replayed" }));
});

test("a mended row is stored, and one that is still a duplicate is a new rejection that names the old one", async () => {
  await muster.post("/currencies", { code: "EUR", name: "Euro" });
  const { run } = await muster.load({ "currencies.csv": "eur,Euros\nUSD,euro\n" });
  const [first, second] = await muster.rejected(run);
  const replayed = await muster.post("/rejections/replay", {
    rows: [
      { id: first?.id, row: { code: "EUR", name: "EURO" } },
      { id: second?.id, row: { code: "USD", name: "Dollar" } },
    ],
  });
  expect(replayed).toMatchObject({
    rows: [
      { status: "rejected", replaces: first?.id, reasons: [{ code: "duplicate_id", field: "code" }] },
      { status: "inserted", replaces: second?.id, key: { code: "USD" } },
    ],
  });
});

test("a row that was rejected for a shared desk gets its own, and the rows under it are stored with it", async () => {
  const { run } = await muster.load({ "employees.csv": "1,Ana,,A,north,1\n2,Bo,1,B,NORTH,1\n3,Cy,2,C,south,1\n" });
  const [bo, cy] = await muster.rejected(run);
  expect([bo, cy].map((each) => each?.reasons[0]?.code)).toEqual(["duplicate_value", "unknown_reference"]);
  const mended = { id: 2, name: "Bo", manager_id: 1, badge: "B", office: "NORTH", desk: 2 };
  const same = { id: 3, name: "Cy", manager_id: 2, badge: "C", office: "south", desk: 1 };
  const rows = [
    { id: cy?.id, row: same },
    { id: bo?.id, row: mended },
  ];
  expect(await muster.post("/rejections/replay", { rows })).toMatchObject({ status: 201, inserted: 2, rejected: 0 });
});
