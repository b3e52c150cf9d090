/**
 * The service under test, as a client sees it: the one at MUSTER_URL, with the admin's token in MUSTER_TOKEN if it asks
 * for one; without MUSTER_URL one that is started here, on the database of ACCEPTANCE_DATABASE_URL (test/support/server.ts).
 *
 * Acceptance tests import nothing of Muster, so they run against any version, server, container or path prefix. Other
 * rows may be there: each run has names of its own, and takes its ids from the service.
 */
import { afterAll, beforeAll } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../src/main.ts");
let url = "";
let token: string | undefined;

/** To be called by each test file. */
export function useService(): void {
  const { MUSTER_URL, MUSTER_TOKEN } = process.env;
  if (MUSTER_URL) {
    url = MUSTER_URL;
    token = MUSTER_TOKEN;
    return;
  }
  let stop = async () => {};
  beforeAll(async () => {
    token = "acceptance";
    ({ url, stop } = await startService(token));
  });
  afterAll(() => stop());
}

async function startService(token: string) {
  const { ACCEPTANCE_DATABASE_URL = "", PATH = "" } = process.env;
  const folder = await mkdtemp(join(tmpdir(), "muster-acceptance-"));
  const service = Bun.spawn([process.execPath, MAIN], {
    cwd: folder,
    env: { PATH, DATABASE_URL: ACCEPTANCE_DATABASE_URL, PORT: "0", API_TOKENS: `admin:${token}` },
    stdout: "pipe",
    stderr: "inherit",
  });
  const url = Promise.withResolvers<string>();
  const reading = (async () => {
    let log = "";
    for await (const text of service.stdout.pipeThrough(new TextDecoderStream())) {
      log += text;
      const [found] = /http:\/\/[\w.:]+\//.exec(log) ?? [];
      if (found) url.resolve(found);
    }
    url.reject(new Error(`the service ended: ${log}`));
  })();
  const stop = async () => {
    service.kill();
    await Promise.all([service.exited, reading]);
    await rm(folder, { recursive: true });
  };
  return { url: await url.promise, stop };
}

/** Sends a request to a path below the service's URL, such as `jobs?limit=2`. */
export function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return fetch(url.replace(/\/?$/, "/") + path, { ...init, headers });
}

/** Sends JSON. @returns the status and the answer */
export async function post<T = Answer>(path: string, body: unknown, headers: Record<string, string> = {}) {
  const init = { method: "POST", headers: { "Content-Type": "application/json", ...headers } };
  const response = await ask(path, { ...init, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as T, headers: response.headers };
}

/** Reads JSON. @throws if the status is another than 200 */
export async function get<T = unknown>(path: string): Promise<T> {
  const response = await ask(path);
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** What the service answers to rows that were sent. */
export interface Answer {
  run: string;
  received: number;
  inserted: number;
  unchanged: number;
  rejected: number;
  withheld?: number;
  rows: { table: string; status: string; id?: number; rejection?: number; reasons?: { code: string }[] }[];
}

/** A name that no other row has. */
export const newName = (what: string) => `${what} ${crypto.randomUUID()}`;

/** Inserts rows of a table. @returns the ids that the database gave them */
export async function insert(table: string, rows: object[]): Promise<number[]> {
  const { status, answer } = await post(table, rows);
  if (status !== 201) throw new Error(`${table}: ${status} ${JSON.stringify(answer)}`);
  return answer.rows.map(({ id }) => Number(id));
}

/** The next ids of a table: they follow the one that the database assigns to a row now. */
export async function nextIds(table: "jobs" | "departments", count: number): Promise<number[]> {
  const [last = 0] = await insert(table, [{ [table.slice(0, -1)]: newName("before") }]);
  return Array.from({ length: count }, (_, index) => last + 1 + index);
}
