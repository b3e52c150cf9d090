/** The codecs of text. */
import { z } from "zod";
import { shown } from "../shown.ts";
import { copyString } from "./avro-bytes.ts";
import { asItIs, type ColumnCodec, controlIn, Fault, isBlank, wrongType } from "./codec.ts";
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
    mayBreak: (bytes, start, end) => allowed !== undefined || end - start > bytesFine || isOddText(bytes, start, end),
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
      // Control characters are not refused here, because a restore must accept rows that were stored before that rule.
      read(value) {
        if (typeof value !== "string") return wrongType("text", value);
        return isBlank(value) ? BLANK : readStored(value);
      },
      copy: copyString,
    },
  };
}

const BLANK = new Fault("missing", "is blank");
const SPACE = 32;

/** Whether text may be blank or holds a control character. Visible ASCII at its start proves that it is not blank. */
function isOddText(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start] ?? 0;
  if (start === end || first <= 32 || first >= 0x80) return true;
  for (let at = start + 1; at < end; at++) if ((bytes[at] ?? 0) < 32) return true;
  return false;
}

function codePoints(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at++) if ((value.charCodeAt(at) & 0xfc00) !== 0xdc00) count++;
  return count;
}
