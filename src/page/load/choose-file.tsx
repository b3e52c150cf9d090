/** @jsxImportSource hono/jsx */
/** The view before a file is chosen. browser/load.js sends the file. */
import { asCalled, called } from "../../build.ts";
import type { TableName } from "../../codecs/tables.ts";
import { READ_ENDINGS, READ_FROM_END } from "../../read/formats/file-formats.ts";
import { INSPECTED_BYTES_MAX } from "../../routes/inspect.ts";
import { assetAddress } from "../assets.ts";

interface Choosing {
  /** Up to this size, all of a file is sent whose reader begins at its end. */
  wholeBytesMax: number;
  tables: readonly TableName[];
}

export function ChooseFile({ wholeBytesMax, tables }: Choosing) {
  return (
    <>
      <h1>Load a file</h1>
      <WithoutScript tables={tables} />
      <form
        id="load"
        class="needs-js"
        data-part-bytes={INSPECTED_BYTES_MAX}
        data-whole-bytes={wholeBytesMax}
        data-whole-endings={READ_FROM_END.join(" ")}
      >
        <section class="card" aria-label="File">
          <div class="drop">
            <label for="file">Choose a file, or drop it here</label>
            <input id="file" type="file" aria-describedby="kinds" />
          </div>
          <p class="note" id="kinds">
            Files {READ_ENDINGS}. Choosing one stores nothing: its first part is read, and you see what it is. Load
            several files one after the other; a folder or a bucket is loaded by{" "}
            <code>{asCalled("npm run import")}</code>.
          </p>
        </section>
        <p id="load-status" role="status" class="unseen"></p>
        <div id="inspection"></div>
      </form>
      <Sending />
      <script defer src={assetAddress("load.js")}></script>
    </>
  );
}

/** Shown while a file is sent, and after its dry run. */
const Sending = () => (
  <>
    <section id="sending" class="card" aria-labelledby="sending-title" hidden>
      <h2 id="sending-title">Sending the file</h2>
      <progress id="sent" max="1" value="0" aria-labelledby="sending-title"></progress>
      <div class="head">
        <p id="sent-text" class="note"></p>
        <button type="button" id="stop-sending" class="danger">
          Cancel
        </button>
      </div>
    </section>
    <section id="tried" aria-labelledby="tried-title" hidden>
      <div class="head">
        <h2 id="tried-title">Dry run</h2>
        <button type="button" class="main" data-send="import">
          Import for real
        </button>
      </div>
      <div id="tried-run" />
    </section>
  </>
);

function WithoutScript({ tables }: Pick<Choosing, "tables">) {
  const [table = "TABLE"] = tables;
  return (
    <section class="card without-js" aria-labelledby="commands">
      <h2 id="commands">Loading a file on this page needs JavaScript</h2>
      <p>Without it, load the file by a command on the service's machine, or by a request:</p>
      <pre tabindex={0}>
        {`${called("import")} ${table}.csv --dry-run\n${called("import")} ${table}.csv\n\n`}
        {`curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: text/csv' --data-binary @${table}.csv 'ADDRESS/imports?table=${table}'`}
      </pre>
    </section>
  );
}
