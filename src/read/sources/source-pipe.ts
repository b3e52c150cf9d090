/** Reads standard input, or another pipe. It can be read only once, and an import may read its files twice: it is kept on disk. */
import { createHash } from "node:crypto";
import { isatty } from "node:tty";
import { MusterError } from "../../errors.ts";
import { explainedFile } from "../../file-errors.ts";
import { escaped } from "../../shown.ts";
import { readerOfFile } from "../formats/file-formats.ts";
import { packingOfBytes, packingOfEnding } from "../formats/packings.ts";
import type { Choose, Found, Place } from "./found-source.ts";
import { SkippedThings } from "./skipped.ts";
import { NamelessFile } from "./spool.ts";

/** What is needed to wait for a pipe. */
export interface Waiting {
  /** Called with a line before the pipe is waited for. */
  say?: ((line: string) => void) | undefined;
  /** Ends the waiting with an error. */
  signal?: AbortSignal | undefined;
}

/** The file descriptor of a path such as /dev/stdin; undefined for the path of anything else. */
export function descriptorOf(path: string): number | undefined {
  if (path === "/dev/stdin") return 0;
  const [, digits] = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** @param pipe its file descriptor, or its path */
export function placeOfPipe(location: string, pipe: number | string, waiting: Waiting): Place {
  const name = pipe === 0 ? "stdin" : location;
  const find = (choose: Choose) => findPipe(name, pipe, choose, waiting);
  return { location, name, besides: undefined, isOne: true, folder: "", find };
}

async function findPipe(name: string, pipe: number | string, choose: Choose, waiting: Waiting): Promise<Found> {
  const shown = pipe === 0 ? "standard input" : escaped(name);
  const choice = choose(name);
  if (choice.is !== "read")
    throw new MusterError(
      "invalid",
      `${shown} has no name that says its table: give --table (${choose.tables.join(", ")})`,
    );
  waiting.say?.(`reading ${shown}${typeof pipe === "number" && isatty(pipe) ? ": end it with Ctrl-D" : ""}`);
  // It is closed, and gone, when the process ends.
  const kept = await NamelessFile.create();
  const hash = createHash("sha256");
  try {
    for await (const chunk of untilAborted(Bun.file(pipe as string).stream(), waiting.signal)) {
      hash.update(chunk);
      await kept.append(chunk);
    }
  } catch (error) {
    await kept.close();
    throw error === waiting.signal?.reason ? error : explainedFile(error, shown);
  }
  const { bytes } = kept;
  if (bytes === 0) {
    await kept.close();
    throw new MusterError("refused", `${shown} is empty: see whether the program that writes it has failed`);
  }
  const readAs = await readAsOf(name, kept);
  if (readAs !== name)
    waiting.say?.(`${shown} is packed, and is unpacked like a file that ends in ${ENDING.exec(readAs)}`);
  const { table, recipe } = choice;
  const files = [{ name, bytes, table, recipe, readAs, open: () => kept.chunks() }];
  // Two pipes with different content are two sources: one must not supersede the other's rejections.
  return { name: `${name}:sha256:${hash.digest("hex")}`, files, skipped: new SkippedThings() };
}

/** A pipe seldom has a name that says how its bytes are packed: its first bytes do. */
async function readAsOf(name: string, kept: NamelessFile): Promise<string> {
  const head = await Array.fromAsync(kept.chunks({ offset: 0, bytes: Math.min(kept.bytes, HEAD_BYTES) }));
  const packing = packingOfBytes(Buffer.concat(head));
  if (!packing || packingOfEnding(name)) return name;
  return name + (readerOfFile(name) ? "" : ".csv") + packing.ending;
}

const HEAD_BYTES = 1024;
const ENDING = /\.[^.]*$/;

/** Passes chunks on. The signal ends it at once, even if nothing comes. */
async function* untilAborted(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted]);
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    // Not awaited: it may wait for what the pipe brings.
    reader.cancel().catch(() => {});
  }
}
