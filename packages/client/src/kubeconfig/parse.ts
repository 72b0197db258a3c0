// The kubeconfig format: YAML text in, checked values out. Chooses nothing and opens no file.
import { load } from "js-yaml";
import type { Pem } from "../config.ts";
import { ClientError } from "../errors.ts";
import type { ExecPlugin } from "./exec-plugin.ts";

export interface Kubeconfig {
  readonly currentContext?: string | undefined;
  readonly contexts: ReadonlyMap<string, Context>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly users: ReadonlyMap<string, User>;
}

export interface Context {
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface Cluster {
  readonly server: string;
  readonly moreServers: readonly string[];
  readonly ca?: Pem | undefined;
  readonly tlsServerName?: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  readonly proxyUrl?: string | undefined;
}

export interface User {
  readonly cert?: Pem | undefined;
  readonly key?: Pem | undefined;
  readonly token?: { readonly data: string } | { readonly file: string } | undefined;
  readonly basic?: { readonly username: string; readonly password: string } | undefined;
  readonly impersonate?:
    { readonly user: string; readonly groups?: readonly string[]; readonly uid?: string } | undefined;
  /** A command that gives the credentials. */
  readonly exec?: ExecPlugin | undefined;
  /** How the credentials would have to be fetched, when they are not in the file. */
  readonly plugin?: string | undefined;
}

/** Parses one file; `locate` makes the paths in it absolute. */
export function parseKubeconfig(text: string, path: string, locate: (file: string) => string): Kubeconfig {
  let document: unknown;
  try {
    document = load(text);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
    throw new ClientError("kubeconfig-invalid", `kubeconfig ${path} is not YAML: ${reason}`, { cause });
  }
  const root = document === undefined || document === null ? new Fields({}, path, "") : Fields.of(document, path, "");
  return {
    currentContext: root.text("current-context"),
    contexts: named(root, "contexts", "context", contextFrom),
    clusters: named(root, "clusters", "cluster", (fields) => clusterFrom(fields, locate)),
    users: named(root, "users", "user", (fields) => userFrom(fields, locate)),
  };
}

/** The first file that has an entry of a name wins, and so does the first current-context. */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const merge = <V>(maps: readonly ReadonlyMap<string, V>[]): Map<string, V> =>
    new Map(maps.toReversed().flatMap((map) => [...map]));
  return {
    currentContext: files.map((file) => file.currentContext).find((name) => name !== undefined),
    contexts: merge(files.map((file) => file.contexts)),
    clusters: merge(files.map((file) => file.clusters)),
    users: merge(files.map((file) => file.users)),
  };
}

function named<V>(root: Fields, list: string, inner: string, parse: (fields: Fields) => V): Map<string, V> {
  const entries = new Map<string, V>();
  for (const entry of root.list(list)) {
    const name = entry.text("name");
    if (name === undefined) throw entry.wrong("name", "a text", undefined);
    if (!entries.has(name)) entries.set(name, parse(entry.object(inner)));
  }
  return entries;
}

const contextFrom = (fields: Fields): Context => ({
  cluster: fields.text("cluster"),
  user: fields.text("user"),
  namespace: fields.text("namespace"),
});

function clusterFrom(fields: Fields, locate: (file: string) => string): Cluster {
  const extension = fields.list("extensions").find((entry) => entry.text("name") === "coxswain.io/servers");
  return {
    server: fields.text("server") ?? "",
    moreServers: extension?.object("extension").texts("servers") ?? [],
    ca: pem(fields, "certificate-authority", locate),
    tlsServerName: fields.text("tls-server-name"),
    insecureSkipTlsVerify: fields.flag("insecure-skip-tls-verify"),
    proxyUrl: fields.text("proxy-url"),
  };
}

function userFrom(fields: Fields, locate: (file: string) => string): User {
  const token = fields.text("token");
  const tokenFile = fields.text("tokenFile");
  const username = fields.text("username");
  const as = fields.text("as");
  const uid = fields.text("as-uid");
  const hasCredentials =
    token !== undefined ||
    tokenFile !== undefined ||
    fields.has("client-certificate-data") ||
    fields.has("client-certificate");
  return {
    cert: pem(fields, "client-certificate", locate),
    key: pem(fields, "client-key", locate),
    // A token file wins over a token, as in client-go, because the file is the one that is renewed.
    token: tokenFile !== undefined ? { file: locate(tokenFile) } : token !== undefined ? { data: token } : undefined,
    basic: username === undefined ? undefined : { username, password: fields.text("password") ?? "" },
    impersonate:
      as === undefined
        ? undefined
        : { user: as, groups: fields.texts("as-groups"), ...(uid === undefined ? {} : { uid }) },
    exec: hasCredentials || !fields.has("exec") ? undefined : execFrom(fields.object("exec"), locate),
    plugin: hasCredentials
      ? undefined
      : fields.has("exec")
        ? `the command ${JSON.stringify(fields.object("exec").text("command") ?? "")}`
        : fields.has("auth-provider")
          ? `the auth-provider ${JSON.stringify(fields.object("auth-provider").text("name") ?? "")}`
          : undefined,
  };
}

function execFrom(fields: Fields, locate: (file: string) => string): ExecPlugin {
  const command = fields.text("command");
  if (command === undefined) throw fields.wrong("command", "a command", undefined);
  return {
    // A bare name is looked for on PATH; one with a slash is relative to the file.
    command: command.includes("/") ? locate(command) : command,
    args: fields.texts("args"),
    env: fields.list("env").map((entry) => ({ name: entry.text("name") ?? "", value: entry.text("value") ?? "" })),
    apiVersion: fields.text("apiVersion") ?? "",
    interactiveMode: fields.text("interactiveMode") ?? "IfAvailable",
    provideClusterInfo: fields.flag("provideClusterInfo"),
    installHint: fields.text("installHint"),
  };
}

function pem(fields: Fields, name: string, locate: (file: string) => string): Pem | undefined {
  const data = fields.text(`${name}-data`);
  if (data !== undefined && data !== "") return { data: Buffer.from(data, "base64").toString("utf8") };
  const file = fields.text(name);
  return file === undefined || file === "" ? undefined : { file: locate(file) };
}

/** One mapping of the file; every read checks the type and says where it found something else. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #at: string;

  constructor(values: Readonly<Record<string, unknown>>, path: string, at: string) {
    this.#values = values;
    this.#path = path;
    this.#at = at;
  }

  static of(value: unknown, path: string, at: string): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ClientError(
        "kubeconfig-invalid",
        `kubeconfig ${path}: expected ${at || "the file"} to be a mapping, found ${found(value)}`,
      );
    }
    return new Fields(Object.fromEntries(Object.entries(value)), path, at);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  text(name: string): string | undefined {
    const value = this.#values[name] ?? undefined;
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    throw this.wrong(name, "a text", value);
  }

  flag(name: string): boolean {
    const value = this.#values[name] ?? false;
    if (typeof value === "boolean") return value;
    throw this.wrong(name, "true or false", value);
  }

  texts(name: string): string[] {
    return this.#array(name).map((value) => {
      if (typeof value === "string") return value;
      throw this.wrong(name, "a list of texts", value);
    });
  }

  list(name: string): Fields[] {
    return this.#array(name).map((value, index) => Fields.of(value, this.#path, `${this.#where(name)}[${index}]`));
  }

  object(name: string): Fields {
    return this.has(name)
      ? Fields.of(this.#values[name], this.#path, this.#where(name))
      : new Fields({}, this.#path, this.#where(name));
  }

  wrong(name: string, expected: string, value: unknown): ClientError {
    return new ClientError(
      "kubeconfig-invalid",
      `kubeconfig ${this.#path}: expected ${this.#where(name)} to be ${expected}, found ${found(value)}`,
    );
  }

  #array(name: string): readonly unknown[] {
    const value = this.#values[name] ?? [];
    if (Array.isArray(value)) return value;
    throw this.wrong(name, "a list", value);
  }

  #where(name: string): string {
    return this.#at === "" ? name : `${this.#at}.${name}`;
  }
}

function found(value: unknown): string {
  if (value === undefined) return "nothing";
  return JSON.stringify(value)?.slice(0, 60) ?? typeof value;
}
