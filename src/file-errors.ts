/** The errors of files, directories and disks, as one line that says what to do. */
import { MusterError } from "./errors.ts";

const FAULTS: Record<string, string> = {
  ENOSPC: "its disk is full (ENOSPC): free some space there",
  EDQUOT: "the user's disk quota is used up (EDQUOT): free some space there, or raise the quota",
  EROFS: "its file system is read-only (EROFS): make it writable",
  EACCES: "Muster's user may not use it (EACCES): check its owner and mode",
  EPERM: "Muster's user may not use it (EPERM): check its owner, mode and attributes",
  ENOENT: "it does not exist (ENOENT): check the path",
  ENOTDIR: "a part of its path is not a directory (ENOTDIR): check the path",
  EISDIR: "it is a directory (EISDIR): check the path",
  ENAMETOOLONG: "its name is too long (ENAMETOOLONG): choose a shorter one",
  ELOOP: "its symbolic links form a circle (ELOOP): repair them",
  EIO: "its disk fails (EIO): check the disk",
  ESTALE: "its network file system has lost it (ESTALE): mount it again",
  EMFILE: "this process has too many files open (EMFILE): raise its limit (ulimit -n)",
  ENFILE: "this machine has too many files open (ENFILE): raise its limit",
  EFBIG: "it would be larger than its file system allows (EFBIG): use another file system",
  EBUSY: "it is in use (EBUSY): try again",
  ETXTBSY: "it is in use (ETXTBSY): try again",
  EEXIST: "it exists already (EEXIST): move it away",
  ENOTEMPTY: "it is not empty (ENOTEMPTY): check what is in it",
};

/** Whether an error is about a file. A socket's errors look the same and have other codes. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code in FAULTS;
}

/**
 * Turns a file's error into a MusterError `unavailable`. Returns any other error unchanged.
 * @param name what the user calls the path, such as BACKUP_STORE. Only the operator is shown the path itself
 */
export function explainedFile(error: unknown, name: string, path?: string): unknown {
  if (!isFileError(error)) return error;
  const fault = FAULTS[error.code ?? ""];
  const where = error.path ?? path;
  return new MusterError("unavailable", `${name} cannot be used: ${fault}`, {
    cause: error,
    ...(where !== undefined && { located: `${name} (${where}) cannot be used: ${fault}` }),
  });
}
