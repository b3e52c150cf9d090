/** The one form of a number in JSON text, found on its digits: a double would round them. */
import { shown } from "../shown.ts";
import { Fault } from "./codec.ts";

const PARTS = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** The most digits of a 64-bit integer. */
const INTEGER_DIGITS = 20;

/**
 * Digits alone for an integer that 64 bits hold; else the shortest form that JavaScript writes.
 * @throws Fault if the number is neither such an integer nor exactly a double's shortest form: the server would round it
 */
export function jsonNumber(text: string): string {
  const { sign, digits, exponent } = significant(text);
  if (digits === "") return "0";
  if (exponent >= 0 && digits.length + exponent <= INTEGER_DIGITS) {
    const whole = sign + digits + "0".repeat(exponent);
    const value = BigInt(whole);
    if (value >= INT64_MIN && value <= UINT64_MAX) return whole;
  }
  const double = Number(text);
  const kept = Number.isFinite(double) ? significant(String(double)) : undefined;
  if (kept?.digits === digits && kept.exponent === exponent) return String(double);
  throw new Fault("out_of_range", `holds the number ${shown(text)}, which the database would round: use text for it`);
}

/** A number as its digits, without zeros at either end, times a power of ten. No digits are zero. */
function significant(text: string): { sign: string; digits: string; exponent: number } {
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = PARTS.exec(text) ?? [];
  const all = (whole + decimals).replace(/^0+/, "");
  let end = all.length;
  while (all.charCodeAt(end - 1) === ZERO) end--;
  return { sign, digits: all.slice(0, end), exponent: Number(exponent) - decimals.length + all.length - end };
}

const ZERO = 48;
