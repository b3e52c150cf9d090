/** Before the first test file: starts the tests' server, unless the tests are acceptance tests of another service. */
if (!process.env.MUSTER_URL) await import("./server.ts");

export {};
