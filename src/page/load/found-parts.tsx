/** @jsxImportSource hono/jsx */
/** What a file is: each part with what shows it. */
import type { FileInspection } from "../../ingest/inspect-file.ts";
import { Table } from "../parts/table.tsx";
import { Marked } from "./marked.tsx";

export const FoundParts = ({ found }: Pick<FileInspection, "found">) => (
  <section class="card" aria-labelledby="found">
    <h2 id="found">What the file is</h2>
    <Table
      caption="Each part, and what shows it"
      columns={["Part", "Found", "Seen"]}
      rows={found.map(({ part, is, evidence, doubt }) => (
        <>
          <th scope="row">{part}</th>
          <td>
            <Marked text={is} /> {doubt !== undefined && <span class="tag busy">for you to decide</span>}
          </td>
          <td>
            <Marked text={evidence} />
          </td>
        </>
      ))}
      ifEmpty="Nothing: see above"
    />
  </section>
);
