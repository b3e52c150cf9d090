/** Rules that a DBA adds to the table jobs. Each refuses a job called Spy and no other. */
import type { Pool } from "mysql2/promise";
import { notOnTidb } from "./missing.ts";

export interface DbaRule {
  name: string;
  make: string[];
  undo: string[];
  /** The reason that the server gives for a Spy. */
  reason: RegExp;
}

const trigger = (name: string, time: string, body: string, reason: RegExp): DbaRule => ({
  name,
  make: [`CREATE TRIGGER spies ${time} INSERT ON jobs FOR EACH ROW IF NEW.job = 'Spy' THEN ${body}; END IF`],
  undo: ["DROP TRIGGER spies"],
  reason,
});

export const CHECK: DbaRule = {
  name: "a CHECK",
  make: ["ALTER TABLE jobs ADD CONSTRAINT no_spies CHECK (job <> 'Spy')"],
  undo: ["ALTER TABLE jobs DROP CONSTRAINT no_spies"],
  reason: /no_spies.* \(error (3819|4025)\)$/,
};

export const UNIQUE: DbaRule = {
  name: "a UNIQUE key",
  make: ["ALTER TABLE jobs ADD UNIQUE KEY names (job)", "INSERT INTO jobs VALUES (90, 'SPY')"],
  undo: ["ALTER TABLE jobs DROP KEY names", "DELETE FROM jobs WHERE id = 90"],
  reason: /Duplicate entry ('Spy' )?for key '(jobs\.)?names' \(error 1062\)$/,
};

export const FOREIGN_KEY: DbaRule = {
  name: "a foreign key that Muster does not know",
  make: [
    "CREATE TABLE known (job varchar(255) PRIMARY KEY)",
    "INSERT INTO known VALUES ('Baker'), ('Clerk'), ('Judge')",
    "ALTER TABLE jobs ADD CONSTRAINT known_jobs FOREIGN KEY (job) REFERENCES known (job)",
  ],
  undo: ["ALTER TABLE jobs DROP FOREIGN KEY known_jobs", "ALTER TABLE jobs DROP KEY known_jobs", "DROP TABLE known"],
  reason: /foreign key constraint fails \(.*CONSTRAINT `known_jobs`\) \(error 1452\)$/,
};

/** Rules that TiDB cannot have. For the title of a skipped test that stands for them. */
export const withoutTriggers = notOnTidb("it has no triggers, views with CHECK OPTION or STORED columns added later");

const NOT_ON_TIDB: readonly DbaRule[] = [
  {
    name: "a generated column",
    make: ["ALTER TABLE jobs ADD size tinyint AS (IF(job = 'Spy', 1000, 1)) STORED"],
    undo: ["ALTER TABLE jobs DROP size"],
    reason: /Out of range value for column 'size'.* \(error 1264\)$/,
  },
  {
    name: "a view's CHECK OPTION",
    make: [
      "RENAME TABLE jobs TO all_jobs",
      "CREATE VIEW jobs AS SELECT * FROM all_jobs WHERE job <> 'Spy' WITH CHECK OPTION",
    ],
    undo: ["DROP VIEW jobs", "RENAME TABLE all_jobs TO jobs"],
    reason: /CHECK OPTION failed .* \(error 1369\)$/,
  },
  trigger(
    "a trigger's SIGNAL",
    "BEFORE",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no\nspies'",
    /: no\\nspies \(error 1644\)$/,
  ),
  trigger(
    "a SIGNAL after the insertion that pretends to be a deadlock",
    "AFTER",
    "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'no'",
    /: no \(error 1213\)$/,
  ),
  trigger(
    "a duplicate key in another table that a trigger fills",
    "AFTER",
    "INSERT INTO muster_gates SELECT * FROM muster_gates",
    /Duplicate entry '\w+' for key '(muster_gates\.)?PRIMARY' \(error 1062\)$/,
  ),
];

/** Every rule that the server of the tests can have. */
export const DBA_RULES: readonly DbaRule[] = [
  ...[CHECK, UNIQUE, FOREIGN_KEY],
  ...(withoutTriggers === "" ? NOT_ON_TIDB : []),
];

/** Does `work` under a rule. */
export async function under<T>(pool: Pool, { make, undo }: DbaRule, work: () => Promise<T>): Promise<T> {
  for (const statement of make) await pool.query(statement);
  try {
    return await work();
  } finally {
    for (const statement of undo) await pool.query(statement);
  }
}
