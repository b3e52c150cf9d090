import { S3Location } from "../s3/location.ts";
import type { BackupStore } from "./store.ts";
import { DirectoryStore } from "./store-directory.ts";
import { S3Store } from "./store-s3.ts";

/** @param location a directory, or `s3://bucket/prefix` */
export function openStore(location: string): BackupStore {
  return location.startsWith("s3://") ? new S3Store(S3Location.parse(location)) : new DirectoryStore(location);
}
