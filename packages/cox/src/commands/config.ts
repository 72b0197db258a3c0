// `cox config`: looks into kubeconfig files and changes them. Writes to the first file that has the entry, or to the first named.
import { bool, outputFlags, text } from "../args/common.ts";
import type { Args } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError, throwAll } from "../failure.ts";
import { createPrinter } from "../print/printer.ts";
import { alignTabs, tableTabs } from "../print/tabs.ts";
import { formatYaml } from "../print/yaml.ts";
import {
  changeConfig as change,
  filesOf as files,
  mergedConfig as merged,
  readConfig as read,
  writeConfig as write,
} from "../resource/kubeconfig-file.ts";
import type { Config, Section } from "../resource/kubeconfig-file.ts";
import { setCluster, setContext, setCredentials } from "./config-entries.ts";
import { setProperty, unsetProperty } from "./config-property.ts";

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
    }),
    minify: bool("Remove all information not used by current-context from the output"),
    raw: bool("Display raw byte data and sensitive data"),
  },
  run: async (session, args) => {
    if (!["true", "1"].includes(args.text("merge")) && args.text("kubeconfig") === "")
      throw new CommandError("if merge==false a precise file must be specified");
    let config = merged(session, args.flag("flatten"));
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
    const missing = args.words.filter((name) => !list(config["contexts"]).some((entry) => entry["name"] === name));
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
    throwAll(missing.map((name) => new CommandError(`context ${name} not found`)));
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

const one = (args: Args): string => {
  const [name, ...more] = args.words;
  if (name === undefined || more.length > 0) throw new CommandError(`Unexpected args: [${args.words.join(" ")}]`);
  return name;
};

const useContext: Command = {
  usage: "config use-context CONTEXT_NAME [options]",
  summary: "Set the current-context in a kubeconfig file",
  flags: {},
  run: async (session, args) => {
    const name = one(args);
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

function remover(section: Section, noun: string): Command {
  return {
    usage: `config delete-${noun} NAME`,
    summary: `Delete the specified ${noun} from the kubeconfig`,
    flags: {},
    run: async (session, args) => {
      const name = one(args);
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
    set: entry(setProperty),
    "set-cluster": entry(setCluster),
    "set-context": entry(setContext),
    "set-credentials": entry(setCredentials),
    unset: entry(unsetProperty),
    "use-context": { ...entry(useContext), aliases: ["use"] },
    view: entry(view),
  },
};
