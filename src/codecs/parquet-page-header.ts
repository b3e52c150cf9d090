/** Reads what stands before a page of a Parquet file (parquet.thrift, PageHeader). */
import { damaged } from "./parquet-bytes.ts";
import type { Thrift } from "./thrift.ts";

export const PAGE = { data: 0, index: 1, dictionary: 2, dataV2: 3 };
export const ENCODING = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  delta: 5,
  lengths: 6,
  prefixed: 7,
  dictionary: 8,
  split: 9,
};

export interface PageHeader {
  type: number;
  bytes: number;
  packedBytes: number;
  crc: number | undefined;
  values: number;
  encoding: number;
  levelsEncoding: number;
  /** In version 2, how many bytes the levels have before the values, and whether the values are packed. */
  repetitionBytes: number;
  definitionBytes: number;
  isPacked: boolean;
}

export function pageHeader(thrift: Thrift): PageHeader {
  const header: PageHeader = {
    ...{ type: -1, bytes: -1, packedBytes: -1, crc: undefined, values: 0, encoding: ENCODING.plain },
    ...{ levelsEncoding: ENCODING.rle, repetitionBytes: 0, definitionBytes: 0, isPacked: true },
  };
  thrift.struct((id) => {
    if (id === 1) header.type = thrift.size();
    else if (id === 2) header.bytes = thrift.size();
    else if (id === 3) header.packedBytes = thrift.size();
    else if (id === 4) header.crc = thrift.number();
    else if (id === 5 || id === 7 || id === 8) thrift.struct((field) => pageField(thrift, header, id, field));
    else thrift.skip();
  });
  if (header.type < 0 || header.bytes < 0 || header.packedBytes < 0) throw damaged("a page's header is incomplete");
  return header;
}

/** Reads a field of the header of a data page (5), a dictionary (7) or a data page of version 2 (8). */
function pageField(thrift: Thrift, header: PageHeader, of: number, field: number): void {
  if (field === 1) header.values = thrift.size();
  else if (field === (of === 8 ? 4 : 2)) header.encoding = thrift.size();
  else if (of === 5 && field === 3) header.levelsEncoding = thrift.size();
  else if (of === 8 && field === 5) header.definitionBytes = thrift.size();
  else if (of === 8 && field === 6) header.repetitionBytes = thrift.size();
  else if (of === 8 && field === 7) header.isPacked = thrift.boolean();
  else thrift.skip();
}
