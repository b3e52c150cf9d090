/** @jsxImportSource hono/jsx */
/** The value of a column, as people read it: cut in a list, and whole in the view of its row. */
import { isBlank, type SqlValue } from "../../codecs/codec.ts";
import { type Column, isText } from "../../codecs/tables.ts";
import { escaped } from "../../shown.ts";
import { counted } from "../parts/quantities.ts";

/** A list shows this many characters of a value. */
const CHARACTERS_MAX = 80;
/** Bytes are shown as hexadecimal digits too if there are no more than this. */
const HEX_BYTES_MAX = 64;

interface Shown {
  column: Column;
  value: SqlValue;
}

/** The value in a list. Null and blank text are told apart, and a long value is cut. */
export function ShortValue({ column, value }: Shown) {
  if (value === null) return <Null />;
  const text = column.codec.toCsv(value);
  if (isSet(column)) return <Members text={String(value)} />;
  if (isBytes(column))
    return (
      <>
        <code>{cutText(text)}</code> <small class="size">{bytesIn(text)}</small>
      </>
    );
  if (isText(column) && isBlank(text)) return <Blank text={text} />;
  const short = visible(cutText(text), /\p{Cc}/gu);
  return column.sqlType === "json" ? <code>{short}</code> : <bdi>{short}</bdi>;
}

/** The whole value. */
export function WholeValue({ column, value }: Shown) {
  if (value === null) return <Null />;
  const text = column.codec.toCsv(value);
  if (isSet(column)) return <Members text={String(value)} />;
  if (isBytes(column)) return <Bytes text={text} />;
  if (column.sqlType === "json") return <Long text={prettyJson(text)} />;
  if (!isText(column)) return <bdi>{text}</bdi>;
  if (isBlank(text)) return <Blank text={text} />;
  // Line ends and tabs are shown as what they are.
  const whole = visible(text, /[^\P{Cc}\n\t]/gu);
  return text.length > CHARACTERS_MAX || whole.includes("\n") ? (
    <Long text={whole} />
  ) : (
    <bdi class="as-it-is">{whole}</bdi>
  );
}

const Null = () => <i class="null">null</i>;

const Blank = ({ text }: { text: string }) => (
  <i class="null">{text === "" ? "empty text" : `blank text: ${counted(text.length, "character")}`}</i>
);

const Members = ({ text }: { text: string }) =>
  text === "" ? <i class="null">empty set</i> : text.split(",").map((member) => <span class="tag">{member}</span>);

function Bytes({ text }: { text: string }) {
  const bytes = Buffer.from(text, "base64");
  return (
    <>
      <p>{bytesIn(text)}, as base64</p>
      <Long text={text} />
      {bytes.length > 0 && bytes.length <= HEX_BYTES_MAX && (
        <p>
          Hexadecimal <code>{bytes.toString("hex")}</code>
        </p>
      )}
    </>
  );
}

const Long = ({ text }: { text: string }) => (
  <pre class="whole">
    <bdi>{text}</bdi>
  </pre>
);

function bytesIn(base64: string): string {
  return counted(Buffer.byteLength(base64, "base64"), "byte");
}

/** JSON over several lines, if nothing of it is lost: numbers may have more digits than JavaScript keeps. */
function prettyJson(text: string): string {
  const value: unknown = JSON.parse(text);
  return JSON.stringify(value) === text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/gs, "$1")
    ? JSON.stringify(value, null, 2)
    : text;
}

function cutText(text: string): string {
  if (text.length <= CHARACTERS_MAX) return text;
  const end = (text.codePointAt(CHARACTERS_MAX - 1) ?? 0) > 0xffff ? CHARACTERS_MAX - 1 : CHARACTERS_MAX;
  return `${text.slice(0, end)}…`;
}

/** Control characters would not be seen, or change what is. */
const visible = (text: string, controls: RegExp): string => text.replaceAll(controls, escaped);

const isSet = ({ sqlType }: Column) => sqlType.startsWith("set(");
const isBytes = ({ sqlType }: Column) => /^((var)?binary|(tiny|medium|long)?blob)\b/.test(sqlType);
/** Numbers stand on the right. */
export const isNumeric = ({ sqlType }: Column) => /^((tiny|small|medium|big)?int|decimal|double|float)\b/.test(sqlType);
/** Values that stand in one line, such as dates. */
export const isShort = ({ sqlType }: Column) => /^(date|datetime|timestamp|time|year|boolean|bit)\b/.test(sqlType);
