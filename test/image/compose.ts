/** compose.yaml against the JSON schema of the compose specification, which docker-compose's package has. */
import { join } from "node:path";
import Ajv from "ajv";
import { NETWORK, run } from "../install/checkout.ts";
import { ROOT } from "../support/commands.ts";
import { folderOf } from "../support/files.ts";

const PACKAGE = "docker-compose==1.29.2";

interface Compose {
  name?: string;
  services: Record<string, { image?: string; command?: string[]; environment?: Record<string, string> }>;
}

/** @throws if it does not keep to the specification */
export async function readCompose(): Promise<Compose> {
  const compose = Bun.YAML.parse(await Bun.file(join(ROOT, "compose.yaml")).text()) as Compose;
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const validate = ajv.compile(await specification());
  // Its schema is older than the key `name`.
  const { name: _, ...known } = compose;
  if (!validate(known)) throw new Error(`compose.yaml: ${ajv.errorsText(validate.errors)}`);
  // A schema that lets everything pass would show nothing.
  if (validate({ ...known, services: { ...known.services, wrong: { imagge: "x" } } }))
    throw new Error("the schema of the compose specification accepts a service with a wrong key");
  return compose;
}

async function specification(): Promise<object> {
  const cwd = await folderOf({});
  const python = `import glob, zipfile
zipfile.ZipFile(glob.glob("*.whl")[0]).extract("compose/config/compose_spec.json")`;
  const script = `python3 -m pip -q download --no-deps ${PACKAGE} && python3 -c '${python}'`;
  const env = { ...NETWORK, ...PIP, PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
  const { code, output } = await run({ cwd, env, runner: "bun" }, ["sh", "-c", script]);
  if (code !== 0) throw new Error(`${PACKAGE} could not be fetched: ${output}`);
  const text = await Bun.file(join(cwd, "compose/config/compose_spec.json")).text();
  // It is of an older draft: `id` is not known to the validator, nor is the draft.
  return JSON.parse(text, (key, value) =>
    ["id", "$schema"].includes(key) && typeof value === "string" ? undefined : value,
  );
}

const PIP: Record<string, string> = {};
for (const name of ["PIP_CERT", "PIP_INDEX_URL"]) {
  const value = process.env[name];
  if (value !== undefined) PIP[name] = value;
}

/** The value of `${NAME:-default}` and `${NAME:?...}` in a setting. */
export const interpolated = (text: string, given: Record<string, string>): string =>
  text.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_, name: string, unset = "") => given[name] ?? unset);
