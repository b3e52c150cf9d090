/**
 * The node that Muster uses in a Galera cluster is killed while several writers insert over HTTP.
 *   usage: bun test --timeout 600000 ./test/cluster/galera-writers.ts
 */
import { startGalera } from "./galera-nodes.ts";
import { testKilledWriters } from "./killed-writers.ts";

testKilledWriters(() => startGalera("hr"));
