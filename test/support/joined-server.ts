/**
 * Joins the server of all tests: a private one in .data, which runs as long as a process is joined to it, or TiDB if MUSTER_TIDB
 * names its program. A test that needs a private server of its own has MariaDB or MySQL even then.
 */
import { join } from "node:path";
import { findProgram } from "../../src/embedded/mysqld.ts";
import { joinServer } from "../../src/embedded/server.ts";
import { joinTidb } from "./tidb.ts";

/** The data of tests may be lost if the machine dies, so the server does not wait for the disk. */
export const UNSAFE_BUT_QUICK = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"];

/** DATABASE_URL is ignored: it may name a database that somebody needs. */
export const mysqld = process.env.MUSTER_MYSQLD || undefined;
export const program = await findProgram(mysqld, console.log);

const folder = join(import.meta.dir, "../../.data", `test-${program.kind.toLowerCase()}`);
const tidb = process.env.MUSTER_TIDB || undefined;
export const server =
  tidb === undefined
    ? await joinServer(folder, { mysqld, say: console.log, args: UNSAFE_BUT_QUICK })
    : await joinTidb(tidb);
