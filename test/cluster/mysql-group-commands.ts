/**
 * The primary of a MySQL group is killed in the middle of imports, backups and restores.
 *   usage: MUSTER_GROUP=/path/to/group bun test --timeout 600000 ./test/cluster/mysql-group-commands.ts
 * It is no part of `npm test`: it takes minutes, and needs a script that starts a group (members.ts).
 */
import { testKilledCommands } from "./killed-commands.ts";
import { startGroup } from "./members.ts";

testKilledCommands(() => startGroup("hr"));
