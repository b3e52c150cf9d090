/**
 * The node that Muster uses in a Galera cluster is killed in the middle of imports, backups and restores. Needs mariadbd and
 * Debian's galera-4.
 *   usage: bun test --timeout 600000 ./test/cluster/galera-commands.ts
 */
import { startGalera } from "./galera-nodes.ts";
import { testKilledCommands } from "./killed-commands.ts";

testKilledCommands(() => startGalera("hr"));
