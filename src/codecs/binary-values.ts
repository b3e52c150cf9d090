/** The codecs of bytes: base64 (RFC 4648, section 4) in JSON and CSV, and in this process too. */
import { z } from "zod";
import { MusterError } from "../errors.ts";
import { asItIs, type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";

/**
 * BINARY, VARBINARY or a blob.
 * @param max in bytes
 * @param exactly the values have exactly `max` bytes: the server would fill a shorter one up with zeros
 * @param name the column's
 */
export function bytes(max: number, exactly: boolean, name: string): ColumnCodec {
  const read = (text: string): SqlValue | Fault => {
    const size = Buffer.byteLength(text, "base64");
    // Bytes have one form, so that equal values are equal texts.
    if (Buffer.from(text, "base64").toString("base64") !== text) return wrongType("base64 with its padding", text);
    if (size > max) return new Fault("too_long", `takes ${max} bytes, and has ${size}`);
    return exactly && size < max ? new Fault("wrong_type", `takes exactly ${max} bytes, and has ${size}`) : text;
  };
  return {
    fromJson: (value) => (typeof value === "string" ? read(value) : wrongType("base64 text", value)),
    fromCsv: read,
    // TO_BASE64 of a value that is too large for a packet is NULL, which must not be taken for the value.
    select: (column) => `COALESCE(REPLACE(TO_BASE64(${column}), '\\n', ''), CONCAT('${TOO_LARGE}', LENGTH(${column})))`,
    load: (text) => `FROM_BASE64(${text})`,
    toSql: (value) => Buffer.from(String(value), "base64"),
    fromSql(value) {
      if (Buffer.isBuffer(value)) return value.toString("base64");
      const text = String(value);
      if (text.startsWith(TOO_LARGE)) throw tooLargeToSend(name, text.slice(TOO_LARGE.length));
      return text;
    },
    toJson: asItIs,
    toCsv: String,
    schema: z
      .string()
      .refine((value) => !(read(value) instanceof Fault))
      .meta({ contentEncoding: "base64" }),
    avro: {
      // No table's name begins with muster_, so the type has another name than the record.
      type: exactly ? { type: "fixed", name: `muster_${name}_bytes`, size: max } : "bytes",
      write: (value) => Buffer.from(String(value), "base64"),
      read: (value) =>
        value instanceof Uint8Array ? read(Buffer.from(value).toString("base64")) : wrongType("bytes", value),
    },
  };
}

/** Comes with the number of bytes in place of a value. Base64 has no blanks, so no value begins with it. */
const TOO_LARGE = "too large: ";

const tooLargeToSend = (name: string, bytes: string) =>
  new MusterError(
    "refused",
    `${name}: a value of ${bytes} bytes is too large for the server to send as base64: raise its max_allowed_packet`,
  );
