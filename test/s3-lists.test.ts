/** A store that does not list all objects, as it should, is told: files would be missing without a word. */
import { afterAll, expect, test } from "bun:test";
import { S3Location } from "../src/s3/location.ts";
import { listKeys } from "../src/s3/objects.ts";

let answer = "";
let type = "application/xml";
const server = Bun.serve({ port: 0, fetch: () => new Response(answer, { headers: { "Content-Type": type } }) });
afterAll(() => server.stop(true));

const settings = {
  ...{ endpoint: server.url.href, region: "eu-west-1", maxAttempts: 1 },
  credentials: { accessKeyId: "key", secretAccessKey: "secret" },
};
const listed = async () => {
  const keys: string[] = [];
  for await (const { key } of listKeys(S3Location.parse("s3://bucket/in", settings))) keys.push(key);
  return keys;
};
const list = (rest: string, key = "in/jobs.csv") =>
  `<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><Prefix>in/</Prefix>${rest}` +
  `<Contents><Key>${key}</Key><Size>8</Size><ETag>"a"</ETag></Contents></ListBucketResult>`;

test("a whole list is taken, also an empty one", async () => {
  answer = list("<IsTruncated>false</IsTruncated>");
  expect(await listed()).toEqual(["jobs.csv"]);
  answer =
    "<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
  expect(await listed()).toEqual([]);
});

test.each([
  [
    "a list that is cut and goes on in the older way",
    list("<IsTruncated>true</IsTruncated><NextMarker>in/jobs.csv</NextMarker>"),
    "S3 lists only a part of the objects of bucket: use a store",
  ],
  [
    "a list that goes on with itself",
    list("<IsTruncated>true</IsTruncated><NextContinuationToken>1</NextContinuationToken>"),
    "S3 lists only a part of the objects of bucket: use a store",
  ],
  ["keys of another prefix", list("<IsTruncated>false</IsTruncated>", "out/jobs.csv"), "is not S3's"],
  ["an empty answer", "", "is not S3's"],
  ["a page of HTML", "<html><body><h1>Sign in</h1></body></html>", "is not S3's"],
  ["a text", "It works!", ""],
  ["an answer that is cut", list("<IsTruncated>false</IsTruncated>").slice(0, 90), ""],
])("%s is an error", async (_, given, words) => {
  answer = given;
  type = given.startsWith("<html") ? "text/html" : "application/xml";
  await expect(listed()).rejects.toThrow(words);
});
