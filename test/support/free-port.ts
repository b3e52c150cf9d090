import { createServer } from "node:net";

const given = new Set<number>();

/** A port of this machine that is free at the moment, below those that the system gives to others by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const isFree = await new Promise<boolean>((found) => {
      const probe = createServer().on("error", () => found(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => found(true)));
    });
    if (!isFree || given.has(port)) continue;
    given.add(port);
    return port;
  }
}
