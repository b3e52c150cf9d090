/** @jsxImportSource hono/jsx */
/** A text in which marks such as a delimiter stand between backticks. */
export const Marked = ({ text }: { text: string }) => (
  <>{text.split(/`(.+?)`(?!`)/).map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part))}</>
);
