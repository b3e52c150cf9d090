/** Ours and a peer in turn; what counts is the ratio of a pair, since both had the same machine at the same time. */

/** One way to do the work: `prepare` is not timed. */
export interface Side {
  prepare(): Promise<void>;
  run(): Promise<{ seconds: number; rssMb: number }>;
}

export interface Bench {
  name: string;
  rows: number;
  ours: Side;
  /** What the peer is, or that it is missing. */
  peer: string;
  theirs: Side | undefined;
}

/** What a bench prints (design section 9). Without a peer there is no ratio. */
export interface Line {
  bench: string;
  rows: number;
  ours_s: number;
  peer: string;
  peer_s: number | null;
  ratio: number | null;
  /** Our process's, at its peak in any of the runs. */
  rss_mb: number;
  server: string;
  /** The ratio of each pair. */
  pairs: number[];
}

/** Measures a bench. The line has the pair whose ratio is the median; of an even number the greater of the middle two. */
export async function measurePairs(
  bench: Bench,
  { pairs, server, say }: { pairs: number; server: string; say(line: string): void },
): Promise<Line> {
  const done: { ours: number; theirs: number }[] = [];
  let rss = 0;
  for (let pair = 1; pair <= pairs; pair++) {
    const theirs = bench.theirs ? await runSide(bench.theirs) : undefined;
    const ours = await runSide(bench.ours);
    rss = Math.max(rss, ours.rssMb);
    done.push({ ours: ours.seconds, theirs: theirs?.seconds ?? Number.NaN });
    const against = theirs ? `, the peer ${theirs.seconds.toFixed(2)} s` : "";
    say(`${server} ${bench.name} ${pair}/${pairs}: ours ${ours.seconds.toFixed(2)} s${against}`);
  }
  const key = bench.theirs ? ratioOf : (pair: { ours: number }) => pair.ours;
  done.sort((a, b) => key(a) - key(b));
  const median = done[Math.floor(done.length / 2)] ?? { ours: Number.NaN, theirs: Number.NaN };
  return {
    bench: bench.name,
    rows: bench.rows,
    ours_s: rounded(median.ours),
    peer: bench.peer,
    peer_s: bench.theirs ? rounded(median.theirs) : null,
    ratio: bench.theirs ? rounded(ratioOf(median)) : null,
    rss_mb: Math.round(rss),
    server,
    pairs: bench.theirs ? done.map((pair) => rounded(ratioOf(pair))) : [],
  };
}

async function runSide(side: Side): Promise<{ seconds: number; rssMb: number }> {
  await side.prepare();
  return side.run();
}

const ratioOf = ({ ours, theirs }: { ours: number; theirs: number }) => ours / theirs;

const rounded = (value: number) => Number(value.toFixed(3));
