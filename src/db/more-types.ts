/** Column types of MySQL that Drizzle lacks, for src/db/schema.ts. How their values are moved: docs/rules.md. */
import { customType } from "drizzle-orm/mysql-core";

/** BIT(1): true or false. */
export const bit = customType<{ data: boolean }>({ dataType: () => "bit(1)" });

/** SET: some of its members, as text with commas between them. `set("days", { members: ["mon", "tue"] })` */
export const set = customType<{
  data: string;
  config: { members: readonly [string, ...string[]] };
  configRequired: true;
}>({
  dataType: ({ members }) => `set(${members.map((member) => `'${member.replaceAll("'", "''")}'`).join(",")})`,
});

/** Up to 255 bytes. */
export const tinyblob = customType<{ data: Buffer }>({ dataType: () => "tinyblob" });
/** Up to 64 KiB. */
export const blob = customType<{ data: Buffer }>({ dataType: () => "blob" });
/** Up to 16 MiB. */
export const mediumblob = customType<{ data: Buffer }>({ dataType: () => "mediumblob" });
/** Up to 4 GiB. */
export const longblob = customType<{ data: Buffer }>({ dataType: () => "longblob" });
