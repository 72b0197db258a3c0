// What generators make: config maps and secrets of files, literals and variables, and the hash that ends their names.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { CommandError } from "../failure.ts";
import type { Obj } from "../resource/api.ts";
import { isRecord } from "../resource/manifests.ts";
import { resOf } from "./resource.ts";
import type { Res } from "./resource.ts";
import type { Generator, Kustomization } from "./types.ts";

export function generate(
  kind: "ConfigMap" | "Secret",
  generator: Generator,
  kustomization: Kustomization,
  pathOf: (path: string) => string,
): Res {
  const data: Record<string, string> = {};
  const binary: Record<string, string> = {};
  const put = (key: string, bytes: Buffer): void => {
    if (Object.hasOwn(data, key) || Object.hasOwn(binary, key))
      throw new CommandError(`cannot add key ${key}, another key by that name already exists`);
    const text = bytes.toString("utf8");
    if (kind === "Secret") data[key] = bytes.toString("base64");
    else if (Buffer.from(text).equals(bytes)) data[key] = text;
    else binary[key] = bytes.toString("base64");
  };
  for (const env of [...(generator.envs ?? []), ...(generator.env === undefined ? [] : [generator.env])])
    for (const line of readFileSync(pathOf(env), "utf8").split("\n")) {
      const trimmed = line.trimStart();
      if (trimmed === "" || trimmed.startsWith("#")) continue;
      const equals = trimmed.indexOf("=");
      put(equals < 0 ? trimmed : trimmed.slice(0, equals), Buffer.from(equals < 0 ? "" : trimmed.slice(equals + 1)));
    }
  for (const file of generator.files ?? []) {
    const equals = file.indexOf("=");
    const path = equals < 0 ? file : file.slice(equals + 1);
    put(equals < 0 ? basename(file) : file.slice(0, equals), readFileSync(pathOf(path)));
  }
  for (const literal of generator.literals ?? []) {
    const equals = literal.indexOf("=");
    if (equals < 0) throw new CommandError(`invalid literal source ${literal}, expected key=value`);
    put(literal.slice(0, equals), Buffer.from(literal.slice(equals + 1).replace(/^(["'])([\s\S]*)\1$/, "$2")));
  }
  const options = { ...kustomization.generatorOptions, ...generator.options };
  const object: Obj = {
    apiVersion: "v1",
    ...(Object.keys(binary).length > 0 ? { binaryData: binary } : {}),
    ...(Object.keys(data).length > 0 ? { data } : {}),
    ...(options.immutable === true ? { immutable: true } : {}),
    kind,
    metadata: {
      name: generator.name,
      ...(generator.namespace === undefined ? {} : { namespace: generator.namespace }),
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    },
    ...(kind === "Secret" ? { type: generator.type ?? "Opaque" } : {}),
  };
  return resOf(object, options.disableNameSuffixHash !== true);
}

/** The first ten digits of a SHA-256 in an alphabet without words. `name` is a part of what is hashed; kustomize leaves it out. */
export function contentHash(
  object: { readonly kind: string; readonly [field: string]: unknown },
  name: string,
): string {
  const sorted = (value: unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((key) => [key, value[key]]),
        )
      : (value ?? "");
  const text =
    object.kind === "ConfigMap"
      ? JSON.stringify({
          ...(object["binaryData"] === undefined ? {} : { binaryData: sorted(object["binaryData"]) }),
          data: sorted(object["data"]),
          kind: "ConfigMap",
          name,
        })
      : JSON.stringify({
          data: sorted(object["data"]),
          kind: "Secret",
          name,
          type: object["type"] ?? "",
        });
  const signs: Readonly<Record<string, string>> = { "0": "g", "1": "h", "3": "k", a: "m", e: "t" };
  const escaped = text.replace(/[<>&]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return [...createHash("sha256").update(escaped).digest("hex").slice(0, 10)]
    .map((sign) => signs[sign] ?? sign)
    .join("");
}
