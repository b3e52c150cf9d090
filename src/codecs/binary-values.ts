/** The codecs of bytes: base64 (RFC 4648, section 4) in JSON and CSV, and in this process too. */
import { z } from "zod";
import { asItIs, type ColumnCodec, Fault, type SqlValue, wrongType } from "./codec.ts";

/**
 * BINARY, VARBINARY or a blob.
 * @param max in bytes
 * @param exactly the values have exactly `max` bytes: the server would fill a shorter one up with zeros
 * @param name of the type in Avro, if it is `fixed`
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
    select: (column) => `REPLACE(TO_BASE64(${column}), '\\n', '')`,
    load: (text) => `FROM_BASE64(${text})`,
    toSql: (value) => Buffer.from(String(value), "base64"),
    fromSql: (value) => (Buffer.isBuffer(value) ? value.toString("base64") : String(value)),
    toJson: asItIs,
    toCsv: String,
    schema: z
      .string()
      .refine((value) => !(read(value) instanceof Fault))
      .meta({ contentEncoding: "base64" }),
    avro: {
      type: exactly ? { type: "fixed", name: `${name}_bytes`, size: max } : "bytes",
      write: (value) => Buffer.from(String(value), "base64"),
      read: (value) =>
        value instanceof Uint8Array ? read(Buffer.from(value).toString("base64")) : wrongType("bytes", value),
    },
  };
}
