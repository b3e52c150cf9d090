/** S3 for one test file: in memory, behind a proxy that fails on request as networks and services do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startFauxqs } from "fauxqs";
import { S3Location } from "../../src/s3/location.ts";

export interface Seen {
  method: string;
  /** Path and query. */
  url: string;
  range: string | undefined;
  ifMatch: string | undefined;
  bytes: number;
}

/** What the proxy does with a request: answer an error, cut the body after some bytes, send no more after some, or list fewer keys at once. */
export type Fault =
  | { status: number; code: string }
  | { cutAfter: number }
  | { stallAfter: number }
  | { keysPerPage: number };

export async function startS3() {
  const s3 = await startFauxqs({ port: 0, logger: false });
  s3.createBucket(BUCKET);
  const seen: Seen[] = [];
  const faults: { fault: ((seen: Seen) => Fault | undefined | Promise<Fault | undefined>) | undefined } = {
    fault: undefined,
  };
  const proxy = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
    const { method = "", url = "", headers } = incoming;
    const each = { method, url, range: headers.range, ifMatch: headers["if-match"], bytes: body.length };
    seen.push(each);
    const fault = await faults.fault?.(each);
    if (fault && "status" in fault) refuse(outgoing, fault);
    else forward(s3.port, incoming, body, outgoing, fault);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    endpoint,
    /** Every request since the last `reset`. */
    seen,
    /** Decides about every request; undefined lets it through. */
    faults,
    locate: (prefix: string, bucket = BUCKET) => S3Location.parse(`s3://${bucket}/${prefix}`, settingsFor(endpoint)),
    reset() {
      s3.emptyBucket(BUCKET);
      faults.fault = undefined;
      seen.length = 0;
    },
    async stop() {
      proxy.closeAllConnections();
      proxy.close();
      await s3.stop();
    },
  };
}

export const settingsFor = (endpoint: string) => ({
  endpoint,
  region: "eu-central-1",
  credentials: { accessKeyId: "muster", secretAccessKey: "muster" },
});

const BUCKET = "muster-test";

function refuse(outgoing: ServerResponse, { status, code }: { status: number; code: string }): void {
  outgoing.writeHead(status, { "content-type": "application/xml" });
  outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>as told</Message></Error>`);
}

function forward(
  port: number,
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
  fault: { cutAfter?: number; stallAfter?: number; keysPerPage?: number } = {},
): void {
  const { cutAfter, stallAfter, keysPerPage } = fault;
  const { method, url = "", headers } = incoming;
  const path = keysPerPage === undefined ? url : `${url}&max-keys=${keysPerPage}`;
  const onward = request({ host: "127.0.0.1", port, method, path, headers }, async (answer) => {
    const bytes = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>));
    if (stallAfter === 0) return;
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (stallAfter !== undefined) outgoing.write(bytes.subarray(0, stallAfter));
    else if (cutAfter === undefined) outgoing.end(bytes);
    else outgoing.write(bytes.subarray(0, cutAfter), () => outgoing.destroy());
  });
  onward.end(body);
}
