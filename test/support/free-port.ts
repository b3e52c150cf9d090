import { type AddressInfo, createServer } from "node:net";

/** A port of this machine that is free at the moment. */
export const freePort = () =>
  new Promise<number>((found) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => found(port));
    });
  });
