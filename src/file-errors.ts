/** What files, directories and disks refuse, as one line that says what to do. */
import { MusterError } from "./errors.ts";

const FAULTS: Record<string, string> = {
  ENOSPC: "its disk is full (ENOSPC): free some space there",
  EDQUOT: "the user's share of its disk is used up (EDQUOT): free some space there, or raise the quota",
  EROFS: "its file system is read-only (EROFS): make it writable",
  EACCES: "Muster's user may not use it (EACCES): see to its owner and mode",
  EPERM: "Muster's user may not use it (EPERM): see to its owner, mode and attributes",
  ENOENT: "it is not there (ENOENT): see that it is what you mean",
  ENOTDIR: "a part of its path is not a directory (ENOTDIR): see that it is what you mean",
  EISDIR: "it is a directory (EISDIR): see that it is what you mean",
  ENAMETOOLONG: "its name is too long (ENAMETOOLONG): choose a shorter one",
  ELOOP: "its symbolic links lead in a circle (ELOOP): mend them",
  EIO: "its disk fails (EIO): see to the disk",
  ESTALE: "its network file system has lost it (ESTALE): mount it again",
  EMFILE: "this process has too many files open (EMFILE): raise its limit (ulimit -n)",
  ENFILE: "this machine has too many files open (ENFILE): raise its limit",
  EFBIG: "it would be larger than a file may be there (EFBIG): use another file system",
  EBUSY: "it is in use (EBUSY): try again",
  ETXTBSY: "it is in use (ETXTBSY): try again",
  EEXIST: "it is there already (EEXIST): move it away",
  ENOTEMPTY: "it is not empty (ENOTEMPTY): see what is in it",
};

/** Whether an error is that of a file. Sockets have other codes, and the same fields. */
export function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code in FAULTS;
}

/**
 * A file's error as MusterError `unavailable`; any other error comes back as it is.
 * @param name what the path is to the user, such as BACKUP_STORE: the path itself is for the operator alone
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
