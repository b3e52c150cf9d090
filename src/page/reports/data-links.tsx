/** @jsxImportSource hono/jsx */

/** Links to a report as a file for a spreadsheet program, and as JSON. htmx leaves them to the browser. */
export const DataLinks = ({ what, address }: { what: string; address: string }) => (
  <span class="data-links" hx-boost="false">
    <a href={`${address}&spreadsheet=true`} aria-label={`${what} as CSV for a spreadsheet`}>
      CSV for a spreadsheet
    </a>{" "}
    <a href={address} aria-label={`${what} as JSON`}>
      JSON
    </a>
  </span>
);
