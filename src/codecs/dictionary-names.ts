/** The rules for names in the dictionary, and the error for a schema that breaks a rule. */
import { MusterError } from "../errors.ts";

/** Names that need no quoting in SQL, CSV, Avro, URLs, and file names such as TABLE-2021.csv. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html */
const NAME_LENGTH_MAX = 64;

/** @param subject the table or column at fault. @param problem continues the sentence, and says what to do */
export function invalid(subject: string, problem: string): MusterError {
  return new MusterError("invalid", `src/db/schema.ts cannot be used: ${subject} ${problem}`);
}

/** Whether the server may take two names for one. */
export const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** @throws MusterError `invalid` if the name of a table or column cannot be used everywhere */
export function assertName(subject: string, name: string): void {
  if (!NAME.test(name)) throw invalid(subject, "needs a name of letters, digits and underscores");
  if (name.length > NAME_LENGTH_MAX) throw invalid(subject, `has a name ${LONG_NAME}: shorten it`);
}

/** @throws MusterError `invalid` if the server would refuse the name of a constraint */
export function assertConstraint(subject: string, constraint: string): void {
  if (constraint.length <= NAME_LENGTH_MAX) return;
  const kind = `has a foreign key called ${constraint}, ${LONG_NAME}`;
  throw invalid(subject, `${kind}: name it by foreignKey({ name: ... })`);
}

const LONG_NAME = `longer than ${NAME_LENGTH_MAX} characters`;
