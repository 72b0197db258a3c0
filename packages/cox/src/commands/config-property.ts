// `cox config set` and `unset`: one property of a kubeconfig by its path, such as clusters.NAME.server.
import { bool } from "../args/common.ts";
import type { Command } from "../command.ts";
import { list, part } from "../describe/page.ts";
import { CommandError } from "../failure.ts";
import { changeConfig, withEntry } from "../resource/kubeconfig-file.ts";
import type { Config, Section } from "../resource/kubeconfig-file.ts";

type Kind = "text" | "bool" | "bytes";

const sections: Readonly<Record<Section, { readonly inner: string; readonly fields: Readonly<Record<string, Kind>> }>> =
  {
    clusters: {
      inner: "cluster",
      fields: {
        server: "text",
        "tls-server-name": "text",
        "insecure-skip-tls-verify": "bool",
        "certificate-authority": "text",
        "certificate-authority-data": "bytes",
        "proxy-url": "text",
        "disable-compression": "bool",
      },
    },
    contexts: { inner: "context", fields: { cluster: "text", user: "text", namespace: "text" } },
    users: {
      inner: "user",
      fields: {
        "client-certificate": "text",
        "client-certificate-data": "bytes",
        "client-key": "text",
        "client-key-data": "bytes",
        token: "text",
        tokenFile: "text",
        username: "text",
        password: "text",
        as: "text",
        "as-uid": "text",
      },
    },
  };

interface Property {
  readonly section: Section;
  /** Names may have dots in them. */
  readonly name: string;
  readonly field: string | undefined;
}

function locate(path: string): Property | "current-context" | "colors" | Section {
  if (path === "current-context") return path;
  if (path === "preferences.colors") return "colors";
  const [first = "", ...rest] = path.split(".");
  if (!(first in sections)) throw new CommandError(`unable to parse ${path} after [] at api.Config`);
  const section = first as Section;
  const last = rest.at(-1) ?? "";
  if (rest.length === 0) return section;
  const field = rest.length > 1 && last in sections[section].fields ? last : undefined;
  return { section, name: (field === undefined ? rest : rest.slice(0, -1)).join("."), field };
}

function valueOf(kind: Kind, text: string, raw: boolean): unknown {
  if (kind === "text") return text;
  if (kind === "bool") {
    if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
    if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
    throw new CommandError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (raw) return Buffer.from(text).toString("base64");
  const wrong = /[^A-Za-z0-9+/=\s]/.exec(text);
  const bytes = Buffer.from(text, "base64");
  if (wrong !== null || bytes.toString("base64").replace(/=+$/, "") !== text.replace(/\s|=+$/g, ""))
    throw new CommandError(
      `error decoding input value: illegal base64 data at input byte ${wrong?.index ?? Math.max(0, text.length - 1)}`,
    );
  return bytes.toString("base64");
}

export const setProperty: Command = {
  usage: "config set PROPERTY_NAME PROPERTY_VALUE [options]",
  summary: "Set an individual value in a kubeconfig file",
  flags: {
    "set-raw-bytes": bool(
      "When writing a []byte PROPERTY_VALUE, write the given string directly without base64 decoding.",
    ),
  },
  run: async (session, args) => {
    const [path, value] = args.words;
    if (path === undefined || value === undefined || args.words.length > 2)
      throw new CommandError(`Unexpected args: [${args.words.join(" ")}]`);
    const property = locate(path);
    if (typeof property === "string" && property in sections)
      throw new CommandError("can't set a map to a value: name an entry and its field");
    if (property === "current-context")
      changeConfig(session, undefined, "", (config) => ({ ...config, "current-context": value }));
    else if (property === "colors") {
      const colors = valueOf("bool", value, false);
      changeConfig(session, undefined, "", (config) => ({ ...config, preferences: colors === true ? { colors } : {} }));
    } else if (typeof property !== "string") {
      const { section, name, field } = property;
      const { inner, fields } = sections[section];
      const kind = field === undefined ? undefined : fields[field];
      if (field === undefined || kind === undefined)
        throw new CommandError("can't set a map to a value: name an entry and its field");
      const set = valueOf(kind, value, args.flag("set-raw-bytes"));
      changeConfig(session, section, name, (config) => {
        const old = part(list(config[section]).find((entry) => entry["name"] === name)?.[inner]);
        const bare: Config =
          section === "clusters" ? { server: "" } : section === "contexts" ? { cluster: "", user: "" } : {};
        return withEntry(config, section, name, inner, { ...bare, ...old, [field]: set });
      });
    }
    session.out.write(`Property "${path}" set.\n`);
    await Promise.resolve();
  },
};

export const unsetProperty: Command = {
  usage: "config unset PROPERTY_NAME [options]",
  summary: "Unset an individual value in a kubeconfig file",
  flags: {},
  run: async (session, args) => {
    const [path] = args.words;
    if (path === undefined || args.words.length > 1)
      throw new CommandError(`Unexpected args: [${args.words.join(" ")}]`);
    const property = locate(path);
    const edit = (config: Config): Config => {
      if (property === "current-context") return { ...config, "current-context": "" };
      if (property === "colors") return { ...config, preferences: {} };
      if (typeof property === "string") return { ...config, [property]: null };
      const { section, name, field } = property;
      const { inner } = sections[section];
      const old = list(config[section]).find((entry) => entry["name"] === name);
      if (old === undefined) return config;
      if (field === undefined)
        return { ...config, [section]: list(config[section]).filter((entry) => entry["name"] !== name) };
      const { [field]: _gone, ...rest } = part(old[inner]);
      return withEntry(config, section, name, inner, rest);
    };
    if (typeof property === "string") changeConfig(session, undefined, "", edit);
    else changeConfig(session, property.section, property.name, edit);
    session.out.write(`Property "${path}" unset.\n`);
    await Promise.resolve();
  },
};
