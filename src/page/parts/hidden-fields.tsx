/** @jsxImportSource hono/jsx */
import { type Parameters, pairsOf } from "../address.ts";

/** Fields that a form sends and nobody sees. */
export const HiddenFields = ({ fields }: { fields: Parameters }) => (
  <>
    {pairsOf(fields).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
);
