/**
 * The codec of a DATETIME that holds the local time of a zone (`zones` in the schema). JSON and CSV have instants; the server and
 * Avro have what the clocks of the zone show.
 */
import { shown } from "../shown.ts";
import { type ColumnCodec, Fault, type SqlValue } from "./codec.ts";
import { instant, readDay, secondOf, secondText, storedInstant } from "./datetime.ts";
import { datetime } from "./instants.ts";
import { Zone } from "./time-zones.ts";

/**
 * @param decimals how many decimals of a second the column keeps
 * @param name of the zone, for which isZone() holds
 */
export function zonedDatetime(decimals: number, name: string): ColumnCodec {
  const { fromBytes, copyJson, ...utc } = datetime(decimals);
  const zone = new Zone(name);
  const toInstant = (value: SqlValue) => instantOf(String(value), zone);
  return {
    ...utc,
    fromJson: (value) => localTime(utc.fromJson(value), value, decimals, zone),
    fromCsv: (cell) => localTime(utc.fromCsv(cell), cell, decimals, zone),
    toJson: toInstant,
    toCsv: toInstant,
    avro: {
      ...utc.avro,
      type: { type: "long", logicalType: decimals <= 3 ? "local-timestamp-millis" : "local-timestamp-micros" },
    },
  };
}

/** What the zone's clocks show at an instant. If they show it twice, it is refused, because it could not be read back. */
function localTime(read: SqlValue | Fault, sent: unknown, decimals: number, zone: Zone): SqlValue | Fault {
  if (typeof read !== "string") return read;
  const local = zone.localAt(secondOf(read));
  if (zone.offsetsAt(local).length === 1) return storedInstant(local, read.slice(20), decimals, String(sent));
  const clocks = `${secondText(local, " ")}, which the clocks of ${zone.name} show twice`;
  return new Fault(
    "invalid_datetime",
    `would be stored as ${clocks}, so that ${shown(sent)} could not be read back: give another time, or keep UTC in the column`,
  );
}

/** The instant of a stored local time. A day that does not exist, which another program stored, stays as it is. */
function instantOf(stored: string, zone: Zone): string {
  if (readDay(stored.slice(0, 10)) instanceof Fault) return instant(stored);
  const second = zone.instantAt(secondOf(stored));
  const fraction = stored.slice(20);
  const utc = storedInstant(second, fraction, fraction.length, stored);
  return utc instanceof Fault ? new Date(second * 1000).toISOString() : instant(utc);
}
