/**
 * Measures Muster and a peer in turn, in pairs. The result is the ratio of one pair, because its two sides ran on the same
 * machine at about the same time.
 */
import type { Measured } from "./process.ts";

/** One way to do the work. The time of `prepare` does not count. */
export interface Side {
  prepare(): Promise<void>;
  run(): Promise<Measured>;
}

export interface Bench {
  rows: number;
  ours: Side;
  /** The name of the peer, or what has to be installed to run it. */
  peer: string;
  theirs: Side | undefined;
}

/**
 * Runs both sides `pairs` times.
 * @returns what the bench prints: the seconds of both sides in the pair with the median ratio (if the number of pairs is even,
 *   the upper median); the most megabytes that our process had in any run; the ratios of all pairs. Without a peer there are
 *   no ratios.
 */
export async function measurePairs(
  bench: Bench,
  { name, pairs, server, say }: { name: string; pairs: number; server: string; say(line: string): void },
) {
  const done: { ours: number; theirs?: number; ratio?: number }[] = [];
  let rssMb = 0;
  for (let pair = 1; pair <= pairs; pair++) {
    await bench.theirs?.prepare();
    const theirs = await bench.theirs?.run();
    await bench.ours.prepare();
    const ours = await bench.ours.run();
    rssMb = Math.max(rssMb, ours.rssMb);
    const compared = theirs && { theirs: theirs.seconds, ratio: ours.seconds / theirs.seconds };
    done.push({ ours: ours.seconds, ...compared });
    const against = theirs ? `, the peer ${theirs.seconds.toFixed(2)} s` : "";
    say(`${server} ${name} ${pair}/${pairs}: ours ${ours.seconds.toFixed(2)} s${against}`);
  }
  done.sort((a, b) => (a.ratio ?? a.ours) - (b.ratio ?? b.ours));
  const median = done[Math.floor(done.length / 2)];
  return {
    bench: name,
    rows: bench.rows,
    ours_s: rounded(median?.ours),
    peer: bench.peer,
    peer_s: rounded(median?.theirs),
    ratio: rounded(median?.ratio),
    rss_mb: Math.round(rssMb),
    server,
    pairs: done.flatMap(({ ratio }) => (ratio === undefined ? [] : [rounded(ratio)])),
  };
}

const rounded = (value: number | undefined) => (value === undefined ? null : Number(value.toFixed(3)));
