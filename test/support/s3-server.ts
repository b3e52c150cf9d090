/** A real S3 server for one test file: versitygw, which checks credentials and signatures. See ../s3-server/install. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../../src/embedded/server-process.ts";
import { S3Location } from "../../src/s3/location.ts";
import { folderOf } from "./files.ts";
import { freePort } from "./free-port.ts";
import { missing } from "./missing.ts";

const PROGRAM = process.env.MUSTER_S3_SERVER ?? "";
export const withoutS3Server = missing("MUSTER_S3_SERVER", existsSync(PROGRAM));

const START_MS_MAX = 30_000;
const REGION = "us-east-1";
const OWNER: Keys = { accessKeyId: "muster-owner", secretAccessKey: "s3cret-of-owner" };

interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** A server with one bucket. Call start() before use, and stop() before removeFolders(). */
export async function s3Server(bucket: string) {
  const folder = await folderOf({});
  const [data, accounts] = [join(folder, "data"), join(folder, "accounts")];
  await Promise.all([mkdir(join(data, bucket), { recursive: true }), mkdir(accounts)]);
  const address = `127.0.0.1:${await freePort()}`;
  const endpoint = `http://${address}`;
  const owner = ["--access", OWNER.accessKeyId, "--secret", OWNER.secretAccessKey];
  const args = [...owner, "--port", address, "--iam-dir", accounts, "--health", "/health", "--quiet", "posix", data];
  const spawn = () => Bun.spawn([PROGRAM, ...args], { stdio: ["ignore", "ignore", "ignore"] });
  let server: ReturnType<typeof spawn> | undefined;
  const stop = async () => {
    server?.kill("SIGKILL");
    await server?.exited;
  };
  const start = async () => {
    server = spawn();
    const answers = () =>
      fetch(`${endpoint}/health`).then(
        ({ ok }) => ok || undefined,
        () => undefined,
      );
    if (!(await until(START_MS_MAX, answers))) throw new Error(`${PROGRAM} did not answer`);
  };
  const settings = { endpoint, region: REGION, credentials: OWNER };
  return {
    settings,
    locate: (prefix: string) => S3Location.parse(`s3://${bucket}/${prefix}`, settings),
    /** The SDK's variables for a command. */
    variables: (keys = OWNER) => ({
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    }),
    /** Adds a user who has no rights until a policy of the bucket grants some. */
    async addUser({ accessKeyId, secretAccessKey }: Keys): Promise<void> {
      const user = ["create-user", "--access", accessKeyId, "--secret", secretAccessKey, "--role", "user"];
      const adding = Bun.spawn([PROGRAM, "admin", ...owner, "--endpoint-url", endpoint, ...user]);
      if ((await adding.exited) !== 0) throw new Error("the user could not be added");
    },
    /** Grants a user what an import needs, and no more. */
    async letRead(to: string, { accessKeyId }: Keys): Promise<void> {
      const may = (Action: string, Resource: string) => ({
        Effect: "Allow",
        Principal: [accessKeyId],
        Action,
        Resource,
      });
      const rights = [may("s3:ListBucket", `arn:aws:s3:::${to}`), may("s3:GetObject", `arn:aws:s3:::${to}/*`)];
      const client = await S3Location.parse(`s3://${to}`, settings).client();
      await client.putBucketPolicy({
        Bucket: to,
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: rights }),
      });
    },
    start,
    /** Ends the server as a crash does. start() brings it back with what it had stored. */
    stop,
  };
}
