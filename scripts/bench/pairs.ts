/**
 * Measures Muster and its peers in turn. The result is the ratio of one pair, because its two sides ran on the same machine at
 * about the same time.
 */
import { lineOf } from "../../src/db/driver-errors.ts";
import type { Measured } from "./process.ts";

/** One way to do the work. The time of `prepare` does not count. */
export interface Side {
  prepare(): Promise<void>;
  run(): Promise<Measured>;
}

export interface Peer {
  /** Its name, or what has to be installed to run it. */
  name: string;
  side: Side | undefined;
}

export interface Bench {
  rows: number;
  /** How many rows are worked at in the measured time, if it is another number. */
  timedRows?: number;
  ours: Side;
  /** The first is the main one: the goals are ratios to it. */
  peers: [Peer, ...Peer[]];
}

/** A peer, and what was measured of it so far. */
interface MeasuredPeer extends Peer {
  done: { ours: number; theirs: number; ratio: number }[];
  rssMb: number;
  isFailed: boolean;
}

interface Options {
  name: string;
  pairs: number;
  /** Only our side is measured. */
  alone: boolean;
  server: string;
  say(line: string): void;
  signal: AbortSignal;
}

/**
 * Runs every side `pairs` times. A peer that fails once is left out from then on.
 * @returns `line`, what the bench prints: the seconds of both sides in the pair with the median ratio (if the number of pairs
 *   is even, the upper median), the ratios of all pairs, and the most megabytes that a process had in any run. `rivals` has the
 *   same of the other peers. A peer that is missing or failed has no numbers. If `alone`, the line has neither a peer nor
 *   `rivals`, and the seconds are the median. `failed` has the names of the peers that failed.
 */
export async function measurePairs(bench: Bench, { name, pairs, alone, server, say, signal }: Options) {
  const rivals = (alone ? [] : bench.peers).map(
    (peer): MeasuredPeer => ({ ...peer, done: [], rssMb: 0, isFailed: false }),
  );
  const own: Measured[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    const theirs: [MeasuredPeer, Measured][] = [];
    for (const rival of rivals) {
      const measured = await attempt(rival, signal);
      if (measured) theirs.push([rival, measured]);
    }
    await bench.ours.prepare();
    const ours = await bench.ours.run();
    own.push(ours);
    for (const [rival, measured] of theirs) {
      rival.done.push({ ours: ours.seconds, theirs: measured.seconds, ratio: ours.seconds / measured.seconds });
      rival.rssMb = Math.max(rival.rssMb, measured.rssMb);
    }
    const against = theirs.map(([rival, { seconds }]) => `, ${rival.name} ${seconds.toFixed(2)} s`).join("");
    say(`${server} ${name} ${pair}/${pairs}: ours ${ours.seconds.toFixed(2)} s${against}`);
  }
  const [main, ...others] = rivals;
  const middle = main && medianOf(main.done, ({ ratio }) => ratio);
  const seconds = middle?.ours ?? medianOf(own, (each) => each.seconds)?.seconds ?? 0;
  const line = {
    bench: name,
    rows: bench.rows,
    ours_s: rounded(seconds),
    us_per_row: rounded((seconds * 1e6) / (bench.timedRows ?? bench.rows)),
    rss_mb: Math.round(Math.max(...own.map(({ rssMb }) => rssMb))),
    ...(main && resultOf(main)),
    ...(!alone && { rivals: others.map(resultOf) }),
    server,
  };
  return { line, failed: rivals.filter(({ isFailed }) => isFailed).map((rival) => rival.name) };
}

async function attempt(rival: MeasuredPeer, signal: AbortSignal): Promise<Measured | undefined> {
  try {
    await rival.side?.prepare();
    return await rival.side?.run();
  } catch (error) {
    signal.throwIfAborted();
    rival.name = `${rival.name} failed: ${lineOf(error)}`;
    rival.side = undefined;
    rival.isFailed = true;
    rival.done = [];
    return undefined;
  }
}

function resultOf({ name, done, rssMb }: MeasuredPeer) {
  const middle = medianOf(done, ({ ratio }) => ratio);
  return {
    peer: name,
    peer_s: rounded(middle?.theirs),
    ratio: rounded(middle?.ratio),
    peer_rss_mb: middle ? Math.round(rssMb) : null,
    pairs: done.map(({ ratio }) => rounded(ratio)).sort((a, b) => Number(a) - Number(b)),
  };
}

function medianOf<T>(all: T[], by: (each: T) => number): T | undefined {
  return all.toSorted((a, b) => by(a) - by(b))[Math.floor(all.length / 2)];
}

const rounded = (value: number | undefined) => (value === undefined ? null : Number(value.toFixed(3)));
