/** Validation of secrets: keys, size, and what each type must hold. */
import {
  configMapKeyErrors,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  jsonSyntaxError,
} from "@coxswain/apimachinery";
import { unchanged } from "../../../validation/metadata.ts";
import { wrong } from "../../../validation/values.ts";
import type { Secret } from "../types.ts";
import { immutableParts, mostBytes, sizeOfBase64 } from "../config-map/validation.ts";

const { invalid, required, tooLong } = fieldErrors;
type Rule = (data: Readonly<Record<string, string>>, secret: DeepReadonly<Secret>) => FieldError[];

const accountName = "kubernetes.io/service-account.name";

const types: Readonly<Record<string, Rule>> = {
  "kubernetes.io/service-account-token": (_data, { metadata }) =>
    metadata.annotations?.[accountName] ? [] : [required(`metadata.annotations[${accountName}]`)],
  "kubernetes.io/dockercfg": (data) => jsonAt(data, ".dockercfg"),
  "kubernetes.io/dockerconfigjson": (data) => jsonAt(data, ".dockerconfigjson"),
  "kubernetes.io/basic-auth": (data) =>
    data["username"] === undefined && data["password"] === undefined
      ? [required("data[username]"), required("data[password]")]
      : [],
  "kubernetes.io/ssh-auth": (data) => (data["ssh-privatekey"] ? [] : [required("data[ssh-privatekey]")]),
  "kubernetes.io/tls": (data) =>
    ["tls.crt", "tls.key"].filter((key) => data[key] === undefined).map((key) => required(`data[${key}]`)),
};

export function validateSecret(secret: DeepReadonly<Secret>): FieldError[] {
  const data = secret.data ?? {};
  const errors = Object.keys(data).flatMap((key) => wrong(`data[${key}]`, key, configMapKeyErrors(key)));
  const bytes = Object.values(data).reduce((sum, text) => sum + sizeOfBase64(text), 0);
  if (bytes > mostBytes) errors.push(tooLong("data", "", mostBytes));
  return [...errors, ...(types[secret.type ?? ""]?.(data, secret) ?? [])];
}

function jsonAt(data: Readonly<Record<string, string>>, key: string): FieldError[] {
  const text = data[key];
  if (text === undefined) return [required(`data[${key}]`)];
  const problem = problemOf(Buffer.from(text, "base64").toString());
  return problem === undefined ? [] : [invalid(`data[${key}]`, "<secret contents redacted>", problem)];
}

/** In Go's words; the contents are never repeated. */
function problemOf(text: string): string | undefined {
  const fault = jsonSyntaxError(text);
  if (fault !== undefined) return fault;
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && !Array.isArray(value)) return undefined;
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}

export function validateSecretUpdate(next: DeepReadonly<Secret>, old: DeepReadonly<Secret>): FieldError[] {
  return [...unchanged(next.type ?? "", old.type ?? "", "type"), ...immutableParts(next, old, ["data"])];
}
