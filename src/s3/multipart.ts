/** Objects of any size to S3, in parts (Amazon S3 User Guide, Multipart upload). */
import { Readable } from "node:stream";
import { nameOf, rethrow, type S3Location } from "./location.ts";

/** S3 takes 10,000 parts of at least 5 MiB: these make objects of up to 80 GiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts that are filled or sent at one time: they are what an upload holds in memory. */
const PARTS_HELD = 2;

/** Puts an object. It is there when all of it is; of one that fails, also for what `chunks` throws, no part stays. */
export async function uploadStream(
  location: S3Location,
  key: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  // Loading the SDK costs a tenth of a second and 30 MB, which who keeps backups in a directory need not pay.
  const { Upload } = await import("@aws-sdk/lib-storage");
  const client = await location.client();
  const source = chunks[Symbol.asyncIterator]();
  let failure: unknown;
  async function* watched() {
    try {
      for (;;) {
        const { done, value } = await source.next().catch((error) => {
          failure = error;
          throw error;
        });
        if (done) return;
        yield value;
      }
    } finally {
      await source.return?.();
    }
  }
  const params = { ...nameOf(location, key), Body: Readable.from(watched(), { objectMode: false }) };
  const upload = new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_HELD, leavePartsOnError: false });
  await upload.done().catch((error) => {
    // What the source threw is its own affair, not the store's.
    if (failure !== undefined) throw failure;
    rethrow(location)(error);
  });
}
