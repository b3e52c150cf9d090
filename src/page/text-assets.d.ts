/** Files that are imported as text, `with { type: "text" }`. */
declare module "*.css" {
  const text: string;
  export default text;
}
/** Files that are imported as their path, `with { type: "file" }`. */
declare module "*.png" {
  const path: string;
  export default path;
}
declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  const path: string;
  export default path;
}
declare module "htmx.org/dist/htmx.min.js" {
  const text: string;
  export default text;
}
declare module "htmx-ext-sse/dist/sse.min.js" {
  const text: string;
  export default text;
}
declare module "*/browser/page.js" {
  const text: string;
  export default text;
}
declare module "*/browser/load.js" {
  const text: string;
  export default text;
}
declare module "*/browser/grid.js" {
  const text: string;
  export default text;
}
