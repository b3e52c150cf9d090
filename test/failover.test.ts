/** DATABASE_URL with two hosts, both ways to the tests' server: each can go down. */
import { afterAll, expect, test } from "bun:test";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { transacted } from "../src/db/transaction.ts";
import { Turnstile } from "../src/db/turnstile.ts";
import { appOver, posted } from "./support/app.ts";
import { connect, freshDatabase } from "./support/database.ts";
import { until } from "./support/observe.ts";

const database = await freshDatabase();
const { searchParams, pathname } = new URL(database.url);
const server = searchParams.get("socket") ?? "";

/** A host on its own port that passes everything on to the server. */
class Way {
  port = 0;
  /** Connections that it has accepted. */
  taken = 0;
  /** Swallows what is sent, as a machine that hangs. */
  frozen = false;
  readonly #open = new Set<Socket>();
  readonly #listener = createServer((client) => {
    this.taken++;
    const behind = connectSocket(server);
    for (const [socket, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      this.#open.add(socket);
      socket.on("data", (bytes) => void (this.frozen || other.write(bytes)));
      socket.on("error", () => {});
      socket.on("close", () => other.destroy());
    }
  });

  async up(): Promise<void> {
    await new Promise<void>((done) => this.#listener.listen(this.port, "127.0.0.1", done));
    this.port = (this.#listener.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const closed = new Promise((done) => this.#listener.close(done));
    for (const socket of this.#open) socket.destroy();
    this.#open.clear();
    await closed;
  }
}

const [first, second] = [new Way(), new Way()];
await first.up();
await second.up();
const url = `mysql://root@127.0.0.1:${first.port},127.0.0.1:${second.port}${pathname}`;
const following = await connect(url);
const app = appOver(following);
afterAll(async () => {
  await following.close();
  await second.down();
  await database.close();
});

/** Sends a request until the answer is not 503: the first one may meet a connection that was just lost. */
const insert = (id: number): Promise<number> =>
  until(async () => {
    const { status } = await app.request("/jobs", posted({ id, job: "Clerk" }));
    return status !== 503 && status;
  });

test("the service uses the first host, and goes on with the other when that one is lost", async () => {
  expect(await insert(1)).toBe(201);
  expect(second.taken).toBe(0);
  await first.down();
  expect(await insert(2)).toBe(201);
  expect(second.taken).toBeGreaterThan(0);
  await first.up();
  await second.down();
  expect(await insert(3)).toBe(201);
  await second.up();
});

test("while no host is up the answer is 503, and the service goes on when one is back", async () => {
  await first.down();
  await second.down();
  const answer = await app.request("/jobs", posted({ id: 4, job: "Clerk" }));
  expect([answer.status, answer.headers.get("Retry-After")]).toEqual([503, expect.any(String)]);
  await expect(connect(url)).rejects.toThrow();
  await second.up();
  expect(await insert(4)).toBe(201);
  const [rows] = await database.pool.query("SELECT COUNT(*) AS jobs FROM jobs");
  expect(rows).toMatchObject([{ jobs: 4 }]);
});

test("writes given up on a server that hung and was lost leave their places to others", async () => {
  const ask = (msMax: number) =>
    transacted({ ...following, writers }, (connection) => connection.query("SELECT 1"), msMax);
  const writers = new Turnstile(1);
  second.frozen = true;
  await expect(ask(200)).rejects.toMatchObject({ code: "ETIMEDOUT" });
  await second.down();
  second.frozen = false;
  await second.up();
  // The first connection may still be the lost one.
  await until(() =>
    ask(5_000).then(
      () => true,
      () => false,
    ),
  );
});
