/**
 * The primary of a MySQL group is killed while several writers insert over HTTP.
 *   usage: MUSTER_GROUP=/path/to/group bun test --timeout 600000 ./test/cluster/mysql-group-writers.ts
 */
import { testKilledWriters } from "./killed-writers.ts";
import { startGroup } from "./members.ts";

testKilledWriters(() => startGroup("hr"));
