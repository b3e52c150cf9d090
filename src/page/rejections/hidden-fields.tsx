/** @jsxImportSource hono/jsx */

/** Fields that a form sends and nobody sees; none for undefined. */
export const HiddenFields = ({
  fields,
}: {
  fields: Record<string, string | number | readonly (string | number)[] | undefined>;
}) => (
  <>
    {Object.entries(fields).flatMap(([name, value]) =>
      (typeof value === "object" ? value : value === undefined ? [] : [value]).map((each) => (
        <input type="hidden" name={name} value={String(each)} />
      )),
    )}
  </>
);
