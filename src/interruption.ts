/** Two Ctrl-C within this time count as one: under npm, the terminal and npm each send one. */
const SAME_INTERRUPTION_MS = 1_000;

/**
 * A signal that the first Ctrl-C or SIGTERM aborts.
 * @param again ends the process; called by the second one, when the user does not want to wait any longer
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
