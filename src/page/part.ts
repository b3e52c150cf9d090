/** Parts of a page that are read separately, so that one that is slow or fails does not hide the others. */
import { explainedError } from "../db/driver-errors.ts";
import { MusterError } from "../errors.ts";

/** What a part of a page shows, or why it is not available now. */
export type Part<T> = { value: T; unavailable?: never } | { value?: never; unavailable: string };

/** @throws what reading the part throws, unless that is an `unavailable` database */
export async function part<T>(value: Promise<T>): Promise<Part<T>> {
  try {
    return { value: await value };
  } catch (error) {
    const domain = explainedError(error);
    if (domain instanceof MusterError && domain.code === "unavailable") return { unavailable: domain.message };
    throw error;
  }
}
