// `create configmap` and `create secret …`: objects from files, folders, literals and env files.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { array, bool, slice, text } from "../args/common.ts";
import type { Args, Flags } from "../args/flags.ts";
import type { Command } from "../command.ts";
import { CommandError } from "../failure.ts";
import { creation, metadataOf } from "./creation.ts";

const sourceFlags: Flags = {
  "from-file": array(
    "Key file can be specified using its file path, in which case file basename will be used as the key, or optionally with a key and file path.",
  ),
  "from-literal": array("Specify a key and literal value to insert (i.e. mykey=somevalue)"),
  "from-env-file": slice("Specify the path to a file to read lines of key=val pairs to create a configmap."),
  "append-hash": bool("Append a hash of the configmap to its name."),
};

export const configMap: Command = creation({
  usage: "configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
  summary: "Create a config map from a local file, directory or literal value",
  examples: `
# From a folder, a key for each file
cox create configmap my-config --from-file=path/to/bar

# From literals
cox create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2`,
  flags: sourceFlags,
  make: async (args) => {
    const data: Record<string, string> = {};
    const binaryData: Record<string, string> = {};
    for (const [key, bytes] of readSources(args)) {
      if (Object.hasOwn(data, key) || Object.hasOwn(binaryData, key))
        throw new CommandError(
          `cannot add key "${key}", another key by that name already exists in Data for ConfigMap "${args.words[0]}"`,
        );
      const text = bytes.toString("utf8");
      if (Buffer.from(text).equals(bytes)) data[key] = text;
      else binaryData[key] = bytes.toString("base64");
    }
    const object = {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: metadataOf(args.words[0] ?? ""),
      ...(Object.keys(data).length === 0 ? {} : { data }),
      ...(Object.keys(binaryData).length === 0 ? {} : { binaryData }),
    };
    if (!args.flag("append-hash")) return object;
    const { contentHash } = await import("../kustomize/generate.ts");
    return {
      ...object,
      metadata: { ...object.metadata, name: `${object.metadata.name}-${contentHash(object, object.metadata.name)}` },
    };
  },
});

function secretObject(name: string, type: string, data: Record<string, string>) {
  return {
    kind: "Secret",
    apiVersion: "v1",
    metadata: metadataOf(name),
    ...(Object.keys(data).length === 0 ? {} : { data }),
    ...(type === "" ? {} : { type }),
  };
}

async function hashed(args: Args, object: ReturnType<typeof secretObject>) {
  if (!args.flag("append-hash")) return object;
  const { contentHash } = await import("../kustomize/generate.ts");
  return {
    ...object,
    metadata: { ...object.metadata, name: `${object.metadata.name}-${contentHash(object, object.metadata.name)}` },
  };
}

const genericSecret: Command = creation({
  usage: "secret generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
  summary: "Create a secret from a local file, directory, or literal value",
  flags: { ...sourceFlags, type: text("The type of secret to create") },
  make: (args) => {
    const data: Record<string, string> = {};
    for (const [key, bytes] of readSources(args)) {
      if (Object.hasOwn(data, key))
        throw new CommandError(`cannot add key ${key}, another key by that name already exists`);
      data[key] = bytes.toString("base64");
    }
    return hashed(args, secretObject(args.words[0] ?? "", args.text("type"), data));
  },
});

const tlsSecret: Command = creation({
  usage: "secret tls NAME --cert=path/to/cert/file --key=path/to/key/file",
  summary: "Create a TLS secret",
  flags: {
    cert: text("Path to PEM encoded public key certificate."),
    key: text("Path to private key associated with given certificate."),
    "append-hash": sourceFlags["append-hash"]!,
  },
  make: async (args) => {
    const { createPrivateKey, X509Certificate } = await import("node:crypto");
    if (args.text("key") === "" || args.text("cert") === "") throw new CommandError("key and cert must be specified");
    const [cert, key] = [readFile(args.text("cert")), readFile(args.text("key"))];
    try {
      if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
        throw new CommandError("tls: private key does not match public key");
    } catch (cause) {
      if (cause instanceof CommandError) throw cause;
      throw new CommandError("tls: failed to find any PEM data in certificate input", { cause });
    }
    return hashed(
      args,
      secretObject(args.words[0] ?? "", "kubernetes.io/tls", {
        "tls.crt": cert.toString("base64"),
        "tls.key": key.toString("base64"),
      }),
    );
  },
});

const dockerSecret: Command = creation({
  usage:
    "secret docker-registry NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string]",
  summary: "Create a secret for use with a Docker registry",
  flags: {
    "docker-server": text("Server location for Docker registry", { default: "https://index.docker.io/v1/" }),
    "docker-username": text("Username for Docker registry authentication"),
    "docker-password": text("Password for Docker registry authentication"),
    "docker-email": text("Email for Docker registry"),
    "from-file": array("Key files can be specified using their file path."),
    "append-hash": sourceFlags["append-hash"]!,
  },
  make: (args) => {
    if (args.list("from-file").length > 0) {
      const data = Object.fromEntries(
        readSources(args).map(([key, bytes]) => [
          key === "config.json" ? ".dockerconfigjson" : key,
          bytes.toString("base64"),
        ]),
      );
      return hashed(args, secretObject(args.words[0] ?? "", "kubernetes.io/dockerconfigjson", data));
    }
    const [username, password, email] = ["docker-username", "docker-password", "docker-email"].map((name) =>
      args.text(name),
    );
    if (!username || !password)
      throw new CommandError(
        `either --from-file or the combination of --docker-username, --docker-password and --docker-server is required`,
      );
    const entry = {
      username,
      password,
      ...(email ? { email } : {}),
      auth: Buffer.from(`${username}:${password}`).toString("base64"),
    };
    const config = JSON.stringify({ auths: { [args.text("docker-server")]: entry } });
    return hashed(
      args,
      secretObject(args.words[0] ?? "", "kubernetes.io/dockerconfigjson", {
        ".dockerconfigjson": Buffer.from(config).toString("base64"),
      }),
    );
  },
});

export const secret: Command = {
  usage: "create secret (docker-registry | generic | tls) [options]",
  summary: "Create a secret using a specified subcommand",
  flags: {},
  subcommands: {
    "docker-registry": { summary: dockerSecret.summary, load: () => Promise.resolve(dockerSecret) },
    generic: { summary: genericSecret.summary, load: () => Promise.resolve(genericSecret) },
    tls: { summary: tlsSecret.summary, load: () => Promise.resolve(tlsSecret) },
  },
};

/** Keys and contents from all the flags, files first, as kubectl takes them. */
function readSources(args: Args): [string, Buffer][] {
  const found: [string, Buffer][] = [];
  const literals = args.knows("from-literal") ? args.list("from-literal") : [];
  const envFiles = args.knows("from-env-file") ? args.list("from-env-file") : [];
  if (envFiles.length > 0 && (args.list("from-file").length > 0 || literals.length > 0))
    throw new CommandError("from-env-file cannot be combined with from-file or from-literal");
  for (const source of args.list("from-file")) {
    const equals = source.indexOf("=");
    const path = equals < 0 ? source : source.slice(equals + 1);
    if (equals === 0) throw new CommandError(`key name for file path ${path} missing`);
    if (equals > 0 && path === "") throw new CommandError(`file path for key name ${source.slice(0, equals)} missing`);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) throw new CommandError(`error reading ${path}: no such file or directory`);
    if (!stat.isDirectory())
      found.push([checkKey(equals < 0 ? basename(path) : source.slice(0, equals)), readFile(path)]);
    else {
      if (equals > 0) throw new CommandError("cannot give a key name for a directory path");
      for (const name of readdirSync(path).sort())
        if (statSync(join(path, name)).isFile() && /^[-._a-zA-Z0-9]+$/.test(name))
          found.push([name, readFile(join(path, name))]);
    }
  }
  for (const literal of literals) {
    const equals = literal.indexOf("=");
    if (equals <= 0) throw new CommandError(`invalid literal source ${literal}, expected key=value`);
    const value = literal.slice(equals + 1).replace(/^(["'])([\s\S]*)\1$/, "$2");
    found.push([checkKey(literal.slice(0, equals)), Buffer.from(value)]);
  }
  for (const file of envFiles)
    for (const line of readFile(file).toString("utf8").split("\n")) {
      const trimmed = line.replace(/\r$/, "").trimStart();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      const equals = trimmed.indexOf("=");
      found.push([
        equals < 0 ? trimmed : trimmed.slice(0, equals),
        Buffer.from(equals < 0 ? "" : trimmed.slice(equals + 1)),
      ]);
    }
  return found;
}

function checkKey(key: string): string {
  if (/^[-._a-zA-Z0-9]+$/.test(key)) return key;
  throw new CommandError(
    `"${key}" is not a valid key name for a ConfigMap: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  );
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CommandError(`open ${path}: no such file or directory`, { cause });
  }
}
