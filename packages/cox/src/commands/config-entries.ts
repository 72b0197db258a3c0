// `cox config set-cluster`, `set-context`, `set-credentials`: entries of a kubeconfig, field by field.
import { array, bool, text } from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { list, part, str } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { changeConfig, contentOf, mergedConfig, pathFor, withEntry } from "../resource/kubeconfig-file.ts";
import type { Config, Section } from "../resource/kubeconfig-file.ts";
import type { Session } from "../session.ts";

interface Setting {
  readonly section: Section;
  readonly inner: string;
  readonly usage: string;
  readonly noun: string;
  readonly flags: Flags;
  readonly nameOf: (session: Session, args: Args) => string;
  /** The entry as it shall be. */
  readonly change: (session: Session, args: Args, old: Config) => Config;
  readonly said: (name: string, existed: boolean) => string;
}

function setter({ section, inner, usage, noun, flags, nameOf, change, said }: Setting): Command {
  return {
    usage: `config ${usage} [options]`,
    summary: `Set a ${noun} entry in kubeconfig`,
    flags,
    run: async (session, args) => {
      const name = nameOf(session, args);
      const existed = list(mergedConfig(session)[section]).some((entry) => entry["name"] === name);
      changeConfig(session, section, name, (file) => {
        const old = list(file[section]).find((entry) => entry["name"] === name);
        return withEntry(file, section, name, inner, change(session, args, { ...part(old?.[inner]) }));
      });
      session.out.write(`${said(name, existed)}\n`);
      await Promise.resolve();
    },
  };
}

const oneName = (_session: Session, args: Args): string => {
  const [name, ...more] = args.words;
  if (name === undefined || more.length > 0) throw new CommandError(`Unexpected args: [${args.words.join(" ")}]`);
  return name;
};

/** Texts that were given; an empty one takes the field away. */
function texts(args: Args, entry: Config, names: readonly string[]): void {
  for (const name of names) {
    if (!args.has(name)) continue;
    if (args.text(name) === "") delete entry[name];
    else entry[name] = args.text(name);
  }
}

/** A file's name, or with --embed-certs its bytes. */
function file(session: Session, args: Args, entry: Config, name: string, needed?: string): void {
  const given = args.has(name) ? args.text(name) : "";
  if (given !== "") {
    delete entry[`${name}-data`];
    entry[name] = pathFor(session, given);
  } else if (args.has(name)) delete entry[name];
  if (!args.flag("embed-certs")) return;
  if (given === "" && needed !== undefined) throw new CommandError(needed);
  if (given === "") return;
  delete entry[name];
  entry[`${name}-data`] = contentOf(given);
}

export const setCluster: Command = setter({
  section: "clusters",
  inner: "cluster",
  usage:
    "set-cluster NAME [--server=server] [--certificate-authority=path/to/certificate/authority] [--insecure-skip-tls-verify=true] [--tls-server-name=example.com]",
  noun: "cluster",
  flags: {
    server: text("server for the cluster entry in kubeconfig"),
    "certificate-authority": text("Path to certificate-authority file for the cluster entry in kubeconfig"),
    "embed-certs": bool("embed-certs for the cluster entry in kubeconfig"),
    "insecure-skip-tls-verify": bool("insecure-skip-tls-verify for the cluster entry in kubeconfig"),
    "tls-server-name": text("tls-server-name for the cluster entry in kubeconfig"),
    "proxy-url": text("proxy-url for the cluster entry in kubeconfig"),
  },
  nameOf: oneName,
  change: (session, args, entry) => {
    if (args.flag("insecure-skip-tls-verify") && args.text("certificate-authority") !== "")
      throw new CommandError("you cannot specify a certificate authority and insecure mode at the same time");
    entry["server"] ??= "";
    if (args.has("server")) entry["server"] = args.text("server");
    texts(args, entry, ["tls-server-name", "proxy-url"]);
    if (args.has("insecure-skip-tls-verify")) {
      delete entry["insecure-skip-tls-verify"];
      if (args.flag("insecure-skip-tls-verify")) {
        entry["insecure-skip-tls-verify"] = true;
        delete entry["certificate-authority"];
        delete entry["certificate-authority-data"];
      }
    }
    if (args.text("certificate-authority") !== "") delete entry["insecure-skip-tls-verify"];
    file(session, args, entry, "certificate-authority", "you must specify a --certificate-authority to embed");
    return entry;
  },
  said: (name) => `Cluster "${name}" set.`,
});

export const setContext: Command = setter({
  section: "contexts",
  inner: "context",
  usage: "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
  noun: "context",
  flags: {
    cluster: text("cluster for the context entry in kubeconfig"),
    user: text("user for the context entry in kubeconfig"),
    namespace: text("namespace for the context entry in kubeconfig"),
    current: bool("Modify the current context"),
  },
  nameOf: (session, args) => {
    if (!args.flag("current")) {
      if (args.words.length === 0) throw new CommandError("you must specify a non-empty context name or --current");
      return oneName(session, args);
    }
    if (args.words.length > 0) throw new CommandError("you cannot specify both a context name and --current");
    const name = str(mergedConfig(session)["current-context"]);
    if (name === "") throw new CommandError("no current context is set");
    return name;
  },
  change: (_session, args, entry) => {
    entry["cluster"] ??= "";
    entry["user"] ??= "";
    for (const name of ["cluster", "user"]) if (args.has(name)) entry[name] = args.text(name);
    texts(args, entry, ["namespace"]);
    return entry;
  },
  said: (name, existed) => `Context "${name}" ${existed ? "modified" : "created"}.`,
});

export const setCredentials: Command = setter({
  section: "users",
  inner: "user",
  usage:
    "set-credentials NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token] [--username=basic_user] [--password=basic_password] [--auth-provider=provider_name] [--auth-provider-arg=key=value] [--exec-command=exec_command] [--exec-api-version=exec_api_version] [--exec-arg=arg] [--exec-env=key=value]",
  noun: "user",
  flags: {
    "auth-provider": text("Auth provider for the user entry in kubeconfig"),
    "auth-provider-arg": array("'key=value' arguments for the auth provider"),
    "client-certificate": text("Path to client-certificate file for the user entry in kubeconfig"),
    "client-key": text("Path to client-key file for the user entry in kubeconfig"),
    "embed-certs": bool("Embed client cert/key for the user entry in kubeconfig"),
    "exec-api-version": text("API version of the exec credential plugin for the user entry in kubeconfig"),
    "exec-arg": array("New arguments for the exec credential plugin command for the user entry in kubeconfig"),
    "exec-command": text("Command for the exec credential plugin for the user entry in kubeconfig"),
    "exec-env": array("'key=value' environment values for the exec credential plugin"),
    "exec-interactive-mode": text("InteractiveMode of the exec credentials plugin for the user entry in kubeconfig"),
    "exec-provide-cluster-info": bool(
      "ProvideClusterInfo of the exec credentials plugin for the user entry in kubeconfig",
    ),
    token: text("token for the user entry in kubeconfig"),
    username: text("username for the user entry in kubeconfig"),
    password: text("password for the user entry in kubeconfig"),
  },
  nameOf: oneName,
  change: (session, args, entry) => {
    const basic = args.text("username") !== "" || args.text("password") !== "";
    if (basic && args.text("token") !== "")
      throw new CommandError(
        "you cannot specify more than one authentication method at the same time: --token, --username/--password",
      );
    if (args.text("client-certificate") === "" && args.text("client-key") === "" && args.flag("embed-certs"))
      throw new CommandError("you must specify a --client-certificate or --client-key to embed");
    for (const name of ["client-certificate", "client-key"]) file(session, args, entry, name);
    texts(args, entry, ["token", "username", "password"]);
    // A token and a password exclude each other: what is new wins.
    if (args.text("token") !== "") for (const name of ["username", "password"]) delete entry[name];
    if (basic) delete entry["token"];
    provider(args, entry);
    plugin(args, entry);
    return entry;
  },
  said: (name) => `User "${name}" set.`,
});

/** "a=b" sets, "a-" takes away. */
function pairs(words: readonly string[]): { readonly set: Record<string, string>; readonly remove: string[] } {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals > 0) set[word.slice(0, equals)] = word.slice(equals + 1);
    else if (word.endsWith("-") && word.length > 1) remove.push(word.slice(0, -1));
    else throw new CommandError(`Error: invalid argument ${word}: expected key=value or key-`);
  }
  return { set, remove };
}

function provider(args: Args, entry: Config): void {
  if (args.has("auth-provider")) {
    if (args.text("auth-provider") === "") delete entry["auth-provider"];
    else entry["auth-provider"] = { config: null, name: args.text("auth-provider") };
  }
  const now = entry["auth-provider"];
  if (now === undefined || args.list("auth-provider-arg").length === 0) return;
  const { set, remove } = pairs(args.list("auth-provider-arg"));
  const config: Record<string, unknown> = { ...part(part(now)["config"]), ...set };
  for (const key of remove) delete config[key];
  entry["auth-provider"] = { ...part(now), config: Object.keys(config).length === 0 ? null : config };
}

function plugin(args: Args, entry: Config): void {
  if (args.has("exec-command")) {
    if (args.text("exec-command") === "") {
      delete entry["exec"];
      return;
    }
    entry["exec"] = {
      apiVersion: "",
      args: null,
      env: null,
      provideClusterInfo: false,
      ...part(entry["exec"]),
      command: args.text("exec-command"),
    };
  }
  if (entry["exec"] === undefined) return;
  const exec: Record<string, unknown> = { ...part(entry["exec"]) };
  if (args.has("exec-api-version")) exec["apiVersion"] = args.text("exec-api-version");
  if (args.has("exec-interactive-mode")) exec["interactiveMode"] = args.text("exec-interactive-mode");
  if (args.has("exec-provide-cluster-info")) exec["provideClusterInfo"] = args.flag("exec-provide-cluster-info");
  if (args.list("exec-arg").length > 0) exec["args"] = [...args.list("exec-arg")];
  const { set, remove } = pairs(args.list("exec-env"));
  const env = list(exec["env"])
    .filter(({ name }) => !remove.includes(str(name)) && !Object.hasOwn(set, str(name)))
    .concat(Object.entries(set).map(([name, value]) => ({ name, value })));
  exec["env"] = env.length === 0 ? null : env;
  entry["exec"] = exec;
}
