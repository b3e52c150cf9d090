/** Parquet files: those that pyarrow, pandas and DuckDB write, and those that are damaged or made to do harm. */
import { afterAll, describe, expect, test } from "bun:test";
import { tableOf } from "./support/dictionary.ts";
import { removeFolders } from "./support/files.ts";
import { JOBS_PARQUET as JOBS } from "./support/parquet.ts";
import { withoutPython, written } from "./support/python.ts";
import { readJobs, refusalOf } from "./support/read-file.ts";

afterAll(removeFolders);
const hires = tableOf("hired_employees");

const FOOTER_BYTES = JOBS.readUInt32LE(JOBS.length - 8);

test("a Parquet file is read, and a row's raw input is its record as JSON", async () => {
  const rows = await readJobs("jobs.parquet", JOBS);
  expect(rows.map(({ values, reasons, position, raw }) => [values, reasons, position, raw.toString()])).toEqual([
    [[1, "Baker"], [], 1, '{"id":1,"job":"Baker"}'],
    [[2, "Judge"], [], 2, '{"id":2,"job":"Judge"}'],
  ]);
});

test("a Parquet file that is cut off anywhere is refused", async () => {
  for (let length = 0; length < JOBS.length; length++) await refusalOf("jobs.parquet", JOBS.subarray(0, length));
  expect(await refusalOf("jobs.parquet", JOBS.subarray(0, -1))).toBe(
    "jobs.parquet: it is not a valid Parquet file: its end is missing; nothing was imported",
  );
});

test("a changed bit in the pages of a Parquet file never changes a row if the file has checksums", async () => {
  const right = [
    [1, "Baker"],
    [2, "Judge"],
  ];
  let refused = 0;
  for (let bit = 0; bit < (JOBS.length - 8) * 8; bit += 7) {
    const changed = Buffer.from(JOBS);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const rows = await readJobs("jobs.parquet", changed, { chunkBytes: 1024 }).catch((error) => {
      expect([bit, error.code]).toEqual([bit, "refused"]);
      refused++;
      return undefined;
    });
    // The metadata at the end has no checksum: names and types may change, and then rows are rejected.
    if (rows && bit >> 3 < JOBS.length - 8 - FOOTER_BYTES)
      expect([bit, rows.map(({ values }) => values)]).toEqual([bit, right]);
  }
  expect(refused).toBeGreaterThan(130);
});

test("lengths that lie are refused", async () => {
  const withFooter = (bytes: number) => {
    const changed = Buffer.from(JOBS);
    changed.writeUInt32LE(bytes, changed.length - 8);
    return changed;
  };
  for (const bytes of [0, 1, JOBS.length, 2 ** 31, 2 ** 32 - 1])
    expect(await refusalOf("jobs.parquet", withFooter(bytes))).toContain("is not a valid Parquet file");
});

/** A file whose metadata are these bytes (Thrift's compact protocol). */
function withMetadata(...parts: (number | Buffer)[]): Buffer {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : part)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from("PAR1"), bytes, length, Buffer.from("PAR1")]);
}
const HUGE = Buffer.from("ffffffff07", "hex");

test.each<[string, Buffer, string]>([
  ["a deep struct", withMetadata(Buffer.alloc(1_000_000, 0x1c)), "nested over 32 levels deep"],
  ["a deep list", withMetadata(0xf9, Buffer.alloc(1_000_000, 0x19)), "nested over 32 levels deep"],
  ["a list of billions", withMetadata(0x29, 0xfc, HUGE), "it is cut off"],
  ["a text of billions of bytes", withMetadata(0x68, HUGE), "it is cut off"],
  ["a number without an end", withMetadata(0x15, 2, 0x26, Buffer.alloc(1_000_000, 0xff)), "a number is too long"],
  ["a negative number of rows", withMetadata(0x36, 0x01, 0), "is negative"],
  ["no schema", withMetadata(0), "it has no schema"],
  // A root with 100 children, and none of them.
  ["a schema that is cut off", withMetadata(0x29, 0x1c, 0x55, 200, 1, 0, 0), "its schema is cut off"],
  [
    "millions of columns",
    withMetadata(0x29, 0x1c, 0x55, Buffer.from("feffffff07", "hex"), 0, 0),
    "up to 4096 are read",
  ],
  [
    "rows without columns",
    withMetadata(0x29, 0x1c, 0x55, 0, 0, 0x16, 0xfe, 0x7f, 0),
    "rows, and its row groups have 0",
  ],
])("metadata with %s is refused", async (_, file, why) => {
  expect(await refusalOf("jobs.parquet", file)).toContain(why);
});

test("a Parquet file in another one's name is named", async () => {
  expect(await refusalOf("jobs.csv", JOBS)).toBe(
    "jobs.csv: it is a Parquet file: end its name in .parquet (HTTP: Content-Type: application/vnd.apache.parquet)",
  );
  expect(await refusalOf("jobs.parquet", "id,job\n1,x\n")).toContain("it is not a Parquet file, and begins with");
  expect(await refusalOf("jobs.parquet", "PARE\0\0\0\0")).toContain("it is an encrypted Parquet file");
});

/** What pyarrow and DuckDB write: the same 3,000 rows in each form. */
const FORMS = `
import pyarrow as pa, pyarrow.parquet as pq, datetime as dt, decimal, duckdb
n = 3000
second = lambda i: dt.datetime(2021, 11, 7, 2, 48, 42, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=i)
table = pa.table({
  "id": pa.array(range(1, n + 1), pa.int32()),
  "name": ["Zoë %d" % i if i % 97 else None for i in range(n)],
  "datetime": pa.array([second(i) for i in range(n)], pa.timestamp("us", tz="UTC")),
  "department_id": pa.array([i % 12 + 1 for i in range(n)], pa.int64()),
  "job_id": [float(i % 180 + 1) for i in range(n)],
})
write = lambda name, **options: pq.write_table(table, name + ".parquet", **options)
for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
  for page in ["1.0", "2.0"]:
    for dictionary in [True, False]:
      write("%s-%s-%s" % (codec, page, dictionary), compression=codec, data_page_version=page, use_dictionary=dictionary, row_group_size=1100, data_page_size=3000, write_page_checksum=dictionary)
write("delta", use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED", "department_id": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY", "job_id": "BYTE_STREAM_SPLIT"})
write("lengths", use_dictionary=False, column_encoding={"name": "DELTA_LENGTH_BYTE_ARRAY"})
write("int96", use_deprecated_int96_timestamps=True)
rows_ = table
for codec in ["snappy", "zstd", "gzip", "lz4_raw", "brotli", "uncompressed"]:
  for version in ["V1", "V2"]:
    duckdb.sql("copy rows_ to 'duckdb-%s-%s.parquet' (format parquet, compression %s, parquet_version %s, row_group_size 2048)" % (codec, version, codec, version))
open("names", "w").write(" ".join(sorted(__import__("glob").glob("*.parquet"))))`;

const withoutWriters = withoutPython("pyarrow", "duckdb");
test.skipIf(withoutWriters !== "")(
  `every codec, page version and encoding of pyarrow and DuckDB gives the same rows${withoutWriters}`,
  async () => {
    const file = await written(FORMS);
    const names = Buffer.from(await file("names"))
      .toString()
      .split(" ");
    expect(names.length).toBe(39);
    for (const name of names) {
      const rows = await readJobs(name, await file(name), { table: hires, chunkBytes: 4096 });
      expect([name, rows.length, rows[2999]?.values]).toEqual([
        name,
        3000,
        [3000, "Zoë 2999", "2021-11-07 03:38:41.000", 12, 120],
      ]);
      expect(rows.filter(({ reasons }) => reasons.length > 0).length).toBe(31);
      expect(rows[0]?.reasons).toMatchObject([{ code: "missing", field: "name" }]);
    }
  },
);

const withoutArrow = withoutPython("pyarrow", "pandas");
describe.skipIf(withoutArrow !== "")(`what pyarrow and pandas write${withoutArrow}`, () => {
  const one = async (columns: string) => {
    const file = await written(
      `import pyarrow as pa, pyarrow.parquet as pq, datetime as dt, decimal\npq.write_table(pa.table({${columns}}), "x.parquet")`,
    );
    return file("x.parquet");
  };
  const reasonsOf = async (columns: string, options?: Parameters<typeof readJobs>[2]) => {
    const [row] = await readJobs("x.parquet", await one(columns), options);
    return {
      raw: row?.raw.toString(),
      reasons: row?.reasons.map(({ code, field }) => `${code} ${field}`),
      values: row?.values,
    };
  };

  test("values are exact in the raw input", async () => {
    const { raw } = await reasonsOf(`
      "long": pa.array([2**63 - 1]), "unsigned": pa.array([2**64 - 1], pa.uint64()), "short": pa.array([-1], pa.int8()),
      "decimal": [decimal.Decimal("-12345678901234567890.05")], "small": pa.array([decimal.Decimal("0.5")], pa.decimal128(5, 2)),
      "day": [dt.date(1969, 12, 31)], "nanos": pa.array([1636253322123456789], pa.timestamp("ns", tz="UTC")),
      "bogota": pa.array([0], pa.timestamp("ms", tz="America/Bogota")), "local": pa.array([0], pa.timestamp("us")),
      "time": pa.array([1500], pa.time32("ms")), "yes": [True], "half": [0.5], "nan": [float("nan")],
      "bytes": [b"\\x00"], "none": pa.array([None], pa.int32())`);
    expect(JSON.parse(raw ?? "")).toEqual({
      ...{ long: "9223372036854775807", unsigned: "18446744073709551615", short: -1 },
      ...{ decimal: "-12345678901234567890.05", small: "0.50", day: "1969-12-31" },
      ...{
        nanos: "2021-11-07T02:48:42.123456789Z",
        bogota: "1970-01-01T00:00:00.000Z",
        local: "1970-01-01T00:00:00.000",
      },
      ...{ time: "00:00:01.500", yes: true, half: 0.5, nan: "NaN", bytes: { bytes: "AA==" }, none: null },
    });
  });

  test("a local time is rejected without a zone, and read with one", async () => {
    const columns = `"id": [1], "name": ["x"], "datetime": pa.array([1636253322000000], pa.timestamp("us")), "department_id": [1], "job_id": [1]`;
    const strict = await readJobs("x.parquet", await one(columns), { table: hires });
    expect(strict[0]?.reasons[0]?.detail).toContain("the zone is missing");
    const zoned = await reasonsOf(columns, { table: hires, recipe: { datetime: { zone: "America/Bogota" } } });
    expect(zoned.values?.[2]).toBe("2021-11-07 07:48:42.000");
  });

  test("lists, structs and maps reject their rows, and can be left out", async () => {
    const columns = `"id": [1], "job": ["x"], "tags": [[1, 2]], "more": [{"a": 1}]`;
    expect((await reasonsOf(columns)).reasons).toEqual(["unknown_field tags", "unknown_field more"]);
    expect((await reasonsOf(`"id": [1], "job": [["x"]]`)).reasons).toEqual(["wrong_type job"]);
    const said: string[] = [];
    const recipe = { ignore: ["tags", "more"] };
    expect(await reasonsOf(columns, { recipe, say: (line) => said.push(line) })).toMatchObject({
      values: [1, "x"],
      reasons: [],
    });
    expect(said).toEqual(['x.parquet: left out the field "tags"', 'x.parquet: left out the field "more"']);
  });

  test("the index that pandas writes is an unknown field, until it is left out", async () => {
    const file = await written(
      `import pandas as pd\npd.DataFrame({"id": [1, 2], "job": ["a", "b"]}, index=[5, 9]).to_parquet("x.parquet")`,
    );
    const [row] = await readJobs("x.parquet", await file("x.parquet"));
    expect(row?.reasons[0]?.detail).toContain("__index_level_0__");
    const recipe = { ignore: ["__index_level_0__"] };
    const rows = await readJobs("x.parquet", await file("x.parquet"), { recipe });
    expect(rows.map(({ values }) => values)).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
  });

  test("a file without rows has none, and says so", async () => {
    const said: string[] = [];
    const file = await one(`"id": pa.array([], pa.int32()), "job": pa.array([], pa.string())`);
    expect(await readJobs("x.parquet", file, { say: (line) => said.push(line) })).toEqual([]);
    expect(said).toEqual(["x.parquet has no rows"]);
  });

  test("a few bytes that claim a million rows of nulls are read in bounded memory", async () => {
    const file = await one(`"id": pa.nulls(1_000_000, pa.int32()), "job": pa.nulls(1_000_000, pa.string())`);
    expect(file.length).toBeLessThan(5_000);
    expect((await readJobs("x.parquet", file, { chunkBytes: 4096 })).length).toBe(1_000_000);
  });
});
