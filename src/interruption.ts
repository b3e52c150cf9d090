/** npm repeats to its child the Ctrl-C that the terminal has sent to both: within this time two are one. */
const SAME_INTERRUPTION_MS = 1_000;

/**
 * Aborted by the first Ctrl-C or SIGTERM.
 * @param again called by the next one: the user does not want to wait, so it must end the process
 */
export function interruption(again: () => never): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const interrupt = () => {
    if (controller.signal.aborted && performance.now() - first > SAME_INTERRUPTION_MS) again();
    if (controller.signal.aborted) return;
    first = performance.now();
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return controller.signal;
}
