// Where audit events are sent to and what is shown there: a kubeconfig file, of which the current context counts, as for all of kube-apiserver's
// webhooks. It reads no further file; it says which are to be read.
import { isJsonObject } from "@coxswain/apimachinery";
import { parseYaml } from "../body/yaml.ts";

/** Given in the file itself, or the name of the file that has it. */
export type Given = { readonly text: string } | { readonly file: string };

export interface WebhookConfig {
  readonly url: URL;
  /** Whose certificate it must be, where that is not the URL's host. */
  readonly serverName: string | undefined;
  readonly isUnverified: boolean;
  readonly ca: Given | undefined;
  readonly cert: Given | undefined;
  readonly key: Given | undefined;
  readonly token: Given | undefined;
  readonly basic: { readonly username: string; readonly password: string } | undefined;
}

type Section = Readonly<Record<string, unknown>>;

/** Throws for a text that says nowhere to send to, or wants what is not there, and says what is wrong with it. */
export function readWebhookConfig(text: string): WebhookConfig {
  const parsed = parseYaml(text);
  if ("error" in parsed) throw new Error(parsed.error);
  const { value } = parsed;
  if (!isJsonObject(value)) throw new Error("expected a kubeconfig file");
  const current = textOf(value, "current-context");
  if (current === undefined) throw new Error("there is no current-context");
  const context = sectionOf(value, "context", current);
  const cluster = sectionOf(value, "cluster", textOf(context, "cluster") ?? "");
  const userName = textOf(context, "user");
  const user = userName === undefined ? {} : sectionOf(value, "user", userName);
  for (const [section, name] of [
    [cluster, "proxy-url"],
    [user, "exec"],
    [user, "auth-provider"],
  ] as const)
    if (section[name] !== undefined) throw new Error(`${name} is not supported here`);
  const username = textOf(user, "username");
  return {
    url: urlOf(textOf(cluster, "server") ?? ""),
    serverName: textOf(cluster, "tls-server-name"),
    isUnverified: cluster["insecure-skip-tls-verify"] === true,
    ca: given(cluster, "certificate-authority"),
    cert: given(user, "client-certificate"),
    key: given(user, "client-key"),
    token: tokenOf(user),
    basic: username === undefined ? undefined : { username, password: textOf(user, "password") ?? "" },
  };
}

function urlOf(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol))
    throw new Error(`${JSON.stringify(server)} is no address of a server`);
  return url;
}

/** Of the list of clusters, users or contexts. */
function sectionOf(config: Section, what: "cluster" | "context" | "user", name: string): Section {
  const list = config[`${what}s`];
  const found = Array.isArray(list) ? list.filter(isJsonObject).find((each) => each["name"] === name) : undefined;
  const section = found?.[what];
  if (!isJsonObject(section)) throw new Error(`there is no ${what} ${JSON.stringify(name)}`);
  return section;
}

function tokenOf(user: Section): Given | undefined {
  const [file, token] = [textOf(user, "tokenFile"), textOf(user, "token")];
  if (file !== undefined) return { file };
  return token === undefined ? undefined : { text: token };
}

/** What stands in the file wins over a file that it names. */
function given(section: Section, name: string): Given | undefined {
  const [data, file] = [textOf(section, `${name}-data`), textOf(section, name)];
  if (data !== undefined) return { text: Buffer.from(data, "base64").toString() };
  return file === undefined ? undefined : { file };
}

function textOf(section: Section, name: string): string | undefined {
  const value = section[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
