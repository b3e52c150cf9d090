/** Reads the columns of all tables from information_schema, and what their defaults mean: MySQL and MariaDB differ there. */
import { vendorOf } from "../db/facts.ts";
import type { FoundColumn, FoundDefault } from "./found.ts";
import { type Ask, grouped, unescaped } from "./information-schema.ts";

export async function readColumns(ask: Ask): Promise<Map<string, FoundColumn[]>> {
  const [server] = await ask("SELECT VERSION() AS version, ? AS asked");
  const isMariaDb = vendorOf(server?.version ?? "") === "MariaDB";
  const rows = await ask(
    `SELECT table_name AS \`table\`, column_name AS name, data_type AS type, column_type AS fullType,
            is_nullable AS nullable, column_default AS fallback, extra AS extra, generation_expression AS expression
     FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position`,
  );
  return grouped(rows, ({ name, type, fullType, nullable, fallback, extra, expression }) => {
    const text = extra ?? "";
    return {
      name: name ?? "",
      type: (type ?? "").toLowerCase(),
      fullType: fullType ?? "",
      nullable: nullable === "YES",
      autoIncrement: /auto_increment/i.test(text),
      default: isMariaDb ? defaultOfMariaDb(fallback ?? null) : defaultOfMysql(fallback ?? null, text, type ?? ""),
      generated: expression
        ? {
            expression: isMariaDb ? expression : unescaped(expression),
            mode: /stored|persistent/i.test(text) ? "stored" : "virtual",
          }
        : undefined,
      updates: /on update/i.test(text),
    };
  });
}

/** MariaDB writes a literal as in SQL, and no default for a nullable column as NULL. */
function defaultOfMariaDb(text: string | null): FoundDefault | undefined {
  if (text === null || text === "NULL") return undefined;
  const [, quoted] = /^'((?:[^'\\]|''|\\.)*)'$/s.exec(text) ?? [];
  if (quoted !== undefined) return { literal: unescaped(quoted.replaceAll("''", "'")) };
  return literalOrExpression(text);
}

/** MySQL writes a literal as it is, and marks an expression. TiDB does not mark the time of an insertion. */
function defaultOfMysql(text: string | null, extra: string, type: string): FoundDefault | undefined {
  if (text === null) return undefined;
  const isNow = /^(datetime|timestamp)$/i.test(type) && /^current_timestamp(\(\d*\))?$/i.test(text);
  if (isNow || /DEFAULT_GENERATED/.test(extra)) return { expression: unescaped(text) };
  return BITS.test(text) ? literalOrExpression(text) : { literal: text };
}

const BITS = /^b'([01]+)'$/;

function literalOrExpression(text: string): FoundDefault {
  const [, bits] = BITS.exec(text) ?? [];
  if (bits !== undefined) return { literal: String(BigInt(`0b${bits}`)) };
  return /^-?[0-9.]+(e[+-]?\d+)?$/i.test(text) ? { literal: text } : { expression: text };
}
