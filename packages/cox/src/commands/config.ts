// `cox config`: looks into kubeconfig files and changes them. Writes to the first file that has the entry, or to the first named.
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { bool, outputFlags, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { formatYaml } from "../print/yaml.ts";
import { decodeYaml } from "../resource/yaml.ts";
import type { Session } from "../session.ts";

type Section = "contexts" | "clusters" | "users";
type Config = Record<string, unknown>;

const files = (session: Session): string[] => session.kubeconfigPath.split(":").filter((file) => file !== "");

function read(file: string): Config {
  const value = existsSync(file) ? decodeYaml(readFileSync(file, "utf8")) : undefined;
  return {
    apiVersion: "v1",
    clusters: [],
    contexts: [],
    "current-context": "",
    kind: "Config",
    preferences: {},
    users: [],
    ...part(value),
  };
}

/** The first file that has an entry of a name wins, and so does the first current-context. */
function merged(session: Session): Config {
  const all = files(session).map(read);
  const section = (name: Section): unknown[] => {
    const seen = new Set<string>();
    return all
      .flatMap((config) => list(config[name]))
      .filter((entry) => !seen.has(str(entry["name"])) && seen.add(str(entry["name"])))
      .toSorted((left, right) => (str(left["name"]) < str(right["name"]) ? -1 : 1));
  };
  return {
    ...read(""),
    clusters: section("clusters"),
    contexts: section("contexts"),
    users: section("users"),
    "current-context": all.map((config) => str(config["current-context"])).find((name) => name !== "") ?? "",
  };
}

function write(file: string, config: Config): void {
  mkdirSync(dirname(file), { recursive: true });
  // Whole or not at all; a link stays a link.
  const target = existsSync(file) ? realpathSync(file) : file;
  writeFileSync(`${target}.new`, formatYaml(config), { mode: 0o600 });
  renameSync(`${target}.new`, target);
}

/** Changes the file that has an entry, or the first. */
function change(
  session: Session,
  section: Section | undefined,
  name: string,
  edit: (config: Config) => Config,
): string {
  const all = files(session);
  const has = (file: string): boolean =>
    section !== undefined && list(read(file)[section]).some((entry) => entry["name"] === name);
  const file = all.find(has) ?? all[0] ?? session.kubeconfigPath;
  write(file, edit(read(file)));
  return file;
}

const secret = /^(client-certificate-data|client-key-data|certificate-authority-data|token|password)$/;

function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secret.test(key) && inner !== "" ? (key.endsWith("-data") ? "DATA+OMITTED" : "REDACTED") : redact(inner),
    ]),
  );
}

const view: Command = {
  usage: "config view [options]",
  summary: "Display merged kubeconfig settings or a specified kubeconfig file",
  flags: {
    ...outputFlags,
    flatten: bool("Flatten the resulting kubeconfig file into self-contained output"),
    merge: text("Merge the full hierarchy of kubeconfig files", {
      default: "true",
      bare: "true",
      fixed: "name the one file with --kubeconfig",
    }),
    minify: bool("Remove all information not used by current-context from the output"),
    raw: bool("Display raw byte data and sensitive data"),
  },
  run: async (session, args) => {
    let config = merged(session);
    if (args.flag("minify")) config = minified(config, args.text("context"));
    const shown = args.flag("raw") || args.flag("flatten") ? config : (redact(config) as Config);
    const printer = await createPrinter(args);
    session.out.write(printer === undefined ? formatYaml(shown) : await printer(shown));
  },
};

function minified(config: Config, wanted: string): Config {
  const name = wanted || str(config["current-context"]);
  const context = list(config["contexts"]).find((entry) => entry["name"] === name);
  if (context === undefined)
    throw new CommandError(
      name === "" ? "current-context must exist in order to minify" : `cannot locate context ${name}`,
    );
  const { cluster, user } = part(context["context"]);
  return {
    ...config,
    "current-context": name,
    contexts: [context],
    clusters: list(config["clusters"]).filter((entry) => entry["name"] === cluster),
    users: list(config["users"]).filter((entry) => entry["name"] === user),
  };
}

function needsContext(config: Config, name: string): void {
  if (!list(config["contexts"]).some((entry) => entry["name"] === name))
    throw new CommandError(`no context exists with the name: "${name}"`);
}

const getContexts: Command = {
  usage: "config get-contexts [(-o|--output=)name)] [options]",
  summary: "Describe one or many contexts",
  flags: {
    "no-headers": bool("When using the default or custom-column output format, don't print headers"),
    output: text("Output format. One of: (name).", { short: "o" }),
  },
  run: async (session, args) => {
    const config = merged(session);
    for (const name of args.words)
      if (!list(config["contexts"]).some((entry) => entry["name"] === name))
        throw new CommandError(`context ${name} not found`);
    const shown = list(config["contexts"]).filter(
      (entry) => args.words.length === 0 || args.words.includes(str(entry["name"])),
    );
    if (args.text("output") === "name")
      return session.out.write(shown.map((entry) => `${str(entry["name"])}\n`).join(""));
    const rows = shown.map((entry) => {
      const { cluster, user, namespace } = part(entry["context"]);
      return `${entry["name"] === config["current-context"] ? "*" : ""}\t${str(entry["name"])}\t${str(cluster)}\t${str(user)}\t${str(namespace)}\n`;
    });
    session.out.write(
      alignTabs(
        `${args.flag("no-headers") ? "" : "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n"}${rows.join("")}`,
        tableTabs,
      ),
    );
    await Promise.resolve();
  },
};

const names = (section: "clusters" | "users", noun: string): Command => ({
  usage: `config get-${section}`,
  summary: `Display ${section} defined in the kubeconfig`,
  flags: {},
  run: async (session) => {
    session.out.write(
      `NAME\n${list(merged(session)[section])
        .map((entry) => `${str(entry["name"])}\n`)
        .join("")}`,
    );
    await Promise.resolve(noun);
  },
});

const one = (args: Args, usage: string): string => {
  const [name, ...more] = args.words;
  if (name === undefined || more.length > 0) throw new CommandError(`exactly one argument is wanted: ${usage}`);
  return name;
};

const useContext: Command = {
  usage: "config use-context CONTEXT_NAME [options]",
  summary: "Set the current-context in a kubeconfig file",
  flags: {},
  run: async (session, args) => {
    const name = one(args, "config use-context NAME");
    needsContext(merged(session), name);
    change(session, "contexts", name, (config) => ({ ...config, "current-context": name }));
    session.out.write(`Switched to context "${name}".\n`);
    await Promise.resolve();
  },
};

const currentContext: Command = {
  usage: "config current-context",
  summary: "Display the current-context",
  flags: {},
  run: async (session) => {
    const name = str(merged(session)["current-context"]);
    if (name === "") throw new CommandError("current-context is not set");
    session.out.write(`${name}\n`);
    await Promise.resolve();
  },
};

/** Sets fields of one entry; those that were given only. */
function setter(
  section: Section,
  inner: string,
  usage: string,
  noun: string,
  fields: Readonly<Record<string, string>>,
): Command {
  return {
    usage: `config ${usage}`,
    summary: `Set a ${noun} entry in kubeconfig`,
    flags: {
      ...Object.fromEntries(
        Object.entries(fields).map(([name, help]) => [
          name,
          name === "insecure-skip-tls-verify" ? bool(help) : text(help),
        ]),
      ),
      ...(section === "contexts" ? { current: bool("Modify the current context") } : {}),
    },
    run: async (session, args) => {
      const config = merged(session);
      const name = section === "contexts" && args.flag("current") ? str(config["current-context"]) : one(args, usage);
      const existed = list(config[section]).some((entry) => entry["name"] === name);
      const given = Object.fromEntries(
        Object.keys(fields)
          .filter((field) => args.has(field))
          .map((field) => [field, field === "insecure-skip-tls-verify" ? args.flag(field) : args.text(field)]),
      );
      change(session, section, name, (file) => {
        const entries = list(file[section]);
        const old = entries.find((entry) => entry["name"] === name);
        const next = { name, [inner]: { ...part(old?.[inner]), ...given } };
        return {
          ...file,
          [section]: old === undefined ? [...entries, next] : entries.map((entry) => (entry === old ? next : entry)),
        };
      });
      const title = `${noun[0]?.toUpperCase()}${noun.slice(1)}`;
      session.out.write(
        section === "contexts"
          ? `${title} "${name}" ${existed ? "modified" : "created"}.\n`
          : `${title} "${name}" set.\n`,
      );
      await Promise.resolve();
    },
  };
}

function remover(section: Section, noun: string): Command {
  return {
    usage: `config delete-${noun} NAME`,
    summary: `Delete the specified ${noun} from the kubeconfig`,
    flags: {},
    run: async (session, args) => {
      const name = one(args, `config delete-${noun} NAME`);
      const file = files(session).find((each) => list(read(each)[section]).some((entry) => entry["name"] === name));
      if (file === undefined) throw new CommandError(`cannot delete ${noun} ${name}, not in ${session.kubeconfigPath}`);
      if (section === "contexts" && merged(session)["current-context"] === name)
        session.err.write(
          'warning: this removed your active context, use "cox config use-context" to select a different one\n',
        );
      const config = read(file);
      write(file, { ...config, [section]: list(config[section]).filter((entry) => entry["name"] !== name) });
      session.out.write(`deleted ${noun} ${name} from ${file}\n`);
      await Promise.resolve();
    },
  };
}

const renameContext: Command = {
  usage: "config rename-context CONTEXT_NAME NEW_NAME",
  summary: "Rename a context from the kubeconfig file",
  flags: {},
  run: async (session, args) => {
    const [from = "", to = ""] = args.words;
    const config = merged(session);
    if (!list(config["contexts"]).some((entry) => entry["name"] === from))
      throw new CommandError(`cannot rename the context "${from}", it's not in ${session.kubeconfigPath}`);
    if (to === "" || list(config["contexts"]).some((entry) => entry["name"] === to))
      throw new CommandError(
        `cannot rename the context "${from}", the context "${to}" already exists in ${session.kubeconfigPath}`,
      );
    change(session, "contexts", from, (file) => ({
      ...file,
      contexts: list(file["contexts"]).map((entry) => (entry["name"] === from ? { ...entry, name: to } : entry)),
      ...(file["current-context"] === from ? { "current-context": to } : {}),
    }));
    session.out.write(`Context "${from}" renamed to "${to}".\n`);
    await Promise.resolve();
  },
};

const setContext = setter(
  "contexts",
  "context",
  "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
  "context",
  {
    cluster: "cluster for the context entry",
    user: "user for the context entry",
    namespace: "namespace for the context entry",
  },
);
const setCluster = setter(
  "clusters",
  "cluster",
  "set-cluster NAME [--server=server] [--certificate-authority=path] [--insecure-skip-tls-verify=true]",
  "cluster",
  {
    server: "server for the cluster entry",
    "certificate-authority": "path to the authority",
    "insecure-skip-tls-verify": "whether the server is believed unseen",
    "tls-server-name": "name the server's certificate must have",
    "proxy-url": "proxy on the way",
  },
);
const setCredentials = setter(
  "users",
  "user",
  "set-credentials NAME [--client-certificate=path] [--client-key=path] [--token=bearer_token]",
  "user",
  {
    "client-certificate": "path to the certificate",
    "client-key": "path to its key",
    token: "bearer token",
    username: "name for basic authentication",
    password: "its password",
  },
);

const entry = (command: Command) => ({ summary: command.summary, load: () => Promise.resolve(command) });

export const config: Command = {
  usage: "config SUBCOMMAND [options]",
  summary: "Modify kubeconfig files",
  flags: {},
  subcommands: {
    "current-context": entry(currentContext),
    "delete-cluster": entry(remover("clusters", "cluster")),
    "delete-context": entry(remover("contexts", "context")),
    "delete-user": entry(remover("users", "user")),
    "get-clusters": entry(names("clusters", "cluster")),
    "get-contexts": { ...entry(getContexts), aliases: ["get-context"] },
    "get-users": entry(names("users", "user")),
    "rename-context": entry(renameContext),
    "set-cluster": entry(setCluster),
    "set-context": entry(setContext),
    "set-credentials": entry(setCredentials),
    "use-context": { ...entry(useContext), aliases: ["use"] },
    view: entry(view),
  },
};
