/** The codecs of text. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { copyString } from "./avro-bytes.ts";
import { asItIs, type ColumnCodec, controlIn, Fault, wrongType } from "./codec.ts";
import { copyJsonString } from "./text-to-json.ts";

/** The only values that an enum column accepts; undefined for any text. */
type Allowed = readonly string[] | undefined;

/** @param max in code points, as MySQL counts. Text never has more of them than UTF-16 units, which are quicker to count. */
export function varchar(max: number, allowed: Allowed): ColumnCodec {
  return string(
    (value) => value.length > max && codePoints(value) > max && `takes ${max} characters, and has ${codePoints(value)}`,
    allowed,
    max,
    { minLength: 1, maxLength: max },
  );
}

/** CHAR. The blanks at its end are not part of its value: the server drops them. @param max in code points */
export function char(max: number, allowed: Allowed): ColumnCodec {
  const { fromPlainBytes, ...codec } = varchar(max, allowed);
  const trimmed = (value: string) => value.replace(/ +$/, "");
  return {
    ...codec,
    fromJson: (value) => codec.fromJson(typeof value === "string" ? trimmed(value) : value),
    fromCsv: (cell) => codec.fromCsv(trimmed(cell)),
    fromSql: (value) => trimmed(String(value)),
  };
}

/** @param max in bytes of UTF-8. A UTF-16 unit becomes at most three, so short text need not be counted. */
export function text(max: number, allowed: Allowed): ColumnCodec {
  return string(
    (value) =>
      value.length * 3 > max &&
      Buffer.byteLength(value) > max &&
      `takes ${max} bytes, and has ${Buffer.byteLength(value)}`,
    allowed,
    max,
    { minLength: 1 },
  );
}

/** @param bytesFine text of at most this many bytes is never too long */
function string(
  tooLong: (value: string) => string | false,
  allowed: Allowed,
  bytesFine: number,
  limits: object,
): ColumnCodec {
  const read = (value: string) => controlIn(value) ?? readStored(value);
  const readStored = (value: string) => {
    if (!value.isWellFormed()) return new Fault("invalid_text", "holds characters that are not valid Unicode text");
    const detail = tooLong(value);
    if (detail) return new Fault("too_long", detail);
    if (allowed && !allowed.includes(value)) return wrongType(`one of ${shown(allowed.join(", "))}`, value);
    return value;
  };
  return {
    fromJson: (value) => (typeof value === "string" ? read(value) : wrongType("text", value)),
    fromCsv: read,
    fromPlainBytes: (bytes, start, end) =>
      allowed === undefined && end - start <= bytesFine && (bytes[start] ?? 0) > SPACE && start < end
        ? bytes.toString("latin1", start, end)
        : undefined,
    mayBreak: (_, start, end) => allowed !== undefined || end - start > bytesFine,
    fromSql: String,
    toJson: asItIs,
    copyJson: copyJsonString,
    toCsv: String,
    schema: allowed
      ? z.enum(allowed as [string, ...string[]])
      : z
          .string()
          .refine((value) => !(read(value) instanceof Fault))
          .meta({ ...limits }),
    avro: {
      type: "string",
      write: asItIs,
      // Blank text and control characters are not refused here: a restore must accept what other programs have stored.
      read: (value) => (typeof value === "string" ? readStored(value) : wrongType("text", value)),
      copy: copyString,
    },
  };
}

const SPACE = 32;

function codePoints(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at++) if ((value.charCodeAt(at) & 0xfc00) !== 0xdc00) count++;
  return count;
}
