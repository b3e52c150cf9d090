/** @jsxImportSource hono/jsx */
import type { Child } from "hono/jsx";

/** What is known about one thing, as a list of names and values. A fact without a value is left out. */
export const Facts = ({ facts }: { facts: readonly (readonly [name: string, value: Child])[] }) => (
  <dl>
    {facts.map(
      ([name, value]) =>
        value !== undefined && (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ),
    )}
  </dl>
);
