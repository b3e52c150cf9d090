/** Backslashes in CSV are plain text, unless MySQL may have written them as escapes: then the file is refused. */
import { expect, test } from "bun:test";
import { csvLine } from "../src/codecs/csv.ts";
import { csvRows } from "../src/read/csv/csv-rows.ts";
import { tableOf } from "./support/dictionary.ts";

async function read(text: string) {
  async function* chunks() {
    for (let at = 0; at < text.length; at += 5000) yield Buffer.from(text.slice(at, at + 5000));
  }
  return (await Array.fromAsync(csvRows(tableOf("jobs"), chunks(), "jobs.csv"))).flat();
}
const many = Array.from({ length: 5000 }, (_, at) => `${at + 10},Clerk\n`).join("");

test.each([
  ['1,"Clerk \\\\ archive"\n', 'line 1 has "\\\\", and each backslash in the file may be text'],
  ["1,Clerk \\\\ archive\n2,Tool\\, die maker\n3,Two\\\nlines\n4,\\N\n", "line 5 has \\N, by which MySQL writes NULL"],
  ['1,Clerk\n2,"Lift \\"A\\""\n', 'line 2 has \\", a quote with a backslash before it'],
  ['1,"Two\\\nlines"\n', 'line 1 has "\\\\n"'],
  ["1,Two\\\nlines\n", "line 1 has a backslash at its end"],
  ["1,Two\\\r\nlines\r\n", "line 1 has a backslash at its end"],
  ['1,"Lift \\""\n2,"Crane"\n', 'line 1 has \\", a quote'],
  [`${many}1,\\\\server\n${many}`, 'line 5001 has "\\\\"'],
  ["1,C:\\temp\n2,\\N\n", "line 2 has \\N"],
  ["\\N,Baker\n", "line 1 has \\N"],
])("the CSV %j is refused, and MySQL's dialect is named", async (text, why) => {
  const { code, message } = await read(text).catch((error) => error);
  expect([code, message]).toEqual(["refused", expect.stringContaining(`jobs.csv: ${why}`)]);
  expect(message).toContain("MySQL");
});

test.each([
  ["1,C:\\temp\n2,\\\\server\\share\n", ["C:\\temp", "\\\\server\\share"]],
  ["1,\\\\server\n2,C:\\temp\\\n", ["\\\\server", "C:\\temp\\"]],
  ['1,"C:\\temp\\"\n', ["C:\\temp\\"]],
  ['1,"\\N"\n2,\\n\n', ["\\N", "\\n"]],
  ["1,back\\slash \\N \\ \\0\n", ["back\\slash \\N \\ \\0"]],
  [`1,\\\\a\n${many}2,\\b\n`, ["\\\\a"]],
])("the CSV %j keeps its backslashes: no program that escapes would have written it", async (text, jobs) => {
  const rows = await read(text);
  expect(rows.slice(0, jobs.length).map(({ values }) => values[1])).toEqual(jobs);
});

test("a stray quote beside a backslash costs only its own row, if it cannot be an escape", async () => {
  const rows = await read('1,"C:\\temp\\" x\n2,Judge\n');
  expect(rows.map(({ reasons }) => reasons[0]?.code)).toEqual(["malformed_csv", undefined]);
});

test("text that other programs read as NULL is written in quotes and read back", async () => {
  expect((await read(csvLine([1, "\\N"]) + csvLine([2, "\\x"]))).map(({ values }) => values[1])).toEqual([
    "\\N",
    "\\x",
  ]);
});
