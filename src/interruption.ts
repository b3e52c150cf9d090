/** Two signals within this time count as one Ctrl-C: under npm, the terminal and npm each send one for it. */
const SAME_INTERRUPTION_MS = 1_000;

/**
 * An AbortSignal that aborts at the first Ctrl-C or SIGTERM.
 * @param again ends the process. It is called at the second one, because the user does not want to wait any longer
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
