/** Validation of certificate requests. Whether a request can be read as such is asked where keys are known, not here. */
import { type DeepReadonly, type FieldError, fieldErrors, jsonEqual, pathSegmentErrors } from "@coxswain/apimachinery";
import type { RuleTable } from "../../validation/rules.ts";
import { signerName } from "./signer-name.ts";
import type { CertificateSigningRequest } from "./types.ts";

const { invalid, required, notSupported, forbidden, duplicate } = fieldErrors;
type Request = DeepReadonly<CertificateSigningRequest>;

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const final = ["Approved", "Denied", "Failed"];
const pemStart = "-----BEGIN CERTIFICATE REQUEST-----";

function validateRequest(request: Request): FieldError[] {
  const { spec } = request;
  const given = spec.usages ?? [];
  const errors: FieldError[] = [];
  if (!Buffer.from(spec.request, "base64").toString("latin1").includes(pemStart)) {
    const words = "PEM block type must be CERTIFICATE REQUEST";
    errors.push(invalid("spec.request", spec.request, words));
  }
  if (given.length === 0) errors.push(required("spec.usages", "usages must be provided"));
  for (const [index, usage] of given.entries())
    if (!usages.includes(usage)) errors.push(notSupported(`spec.usages[${index}]`, usage, usages));
  for (const [index, usage] of given.entries())
    if (given.indexOf(usage) < index) errors.push(duplicate(`spec.usages[${index}]`, usage));
  if (spec.signerName === "kubernetes.io/legacy-unknown") {
    const words = "the legacy signerName is not allowed via this API version";
    errors.push(invalid("spec.signerName", spec.signerName, words));
  } else errors.push(...signerName(spec.signerName, "spec.signerName"));
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < 600) {
    const words = "may not specify a duration less than 600 seconds (10 minutes)";
    errors.push(invalid("spec.expirationSeconds", seconds, words));
  }
  return [...errors, ...validateConditions(request)];
}

function validateConditions(request: Request): FieldError[] {
  const seen = new Set<string>();
  return (request.status?.conditions ?? []).flatMap(({ type, status }, index) => {
    const here = `status.conditions[${index}]`;
    const errors = type === "" ? [required(`${here}.type`)] : [];
    const states = final.includes(type) ? ["True"] : ["False", "True", "Unknown"];
    if (status === "") errors.push(required(`${here}.status`));
    else if (!states.includes(status)) errors.push(notSupported(`${here}.status`, status, states));
    const other = { Approved: "Denied", Denied: "Approved" }[type];
    if (other !== undefined && seen.has(other))
      errors.push(invalid(`${here}.type`, type, "Approved and Denied conditions are mutually exclusive"));
    if (seen.has(type)) errors.push(duplicate(`${here}.type`, type));
    seen.add(type);
    return errors;
  });
}

/** What is wrong with the blocks of an issued certificate; what is in them is not looked at. */
function certificateProblem(pem: string): string | undefined {
  if (pem === "") return undefined;
  const blocks = [...pem.matchAll(/-----BEGIN ([^\n-]*)-----\r?\n([\s\S]*?)-----END \1-----/g)];
  for (const [, type = "", body = ""] of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (body.includes(":")) return "no PEM block headers are permitted";
  }
  return blocks.length === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

type Change = (next: Request, old: Request) => FieldError[];

/** Through which door a change comes decides what it may touch: decisions, the certificate, or neither. */
function changeThrough(door: "" | "approval" | "status"): Change {
  return (next, old) => {
    const errors = validateRequest(next);
    const of = (request: Request, type: string): readonly unknown[] =>
      (request.status?.conditions ?? []).filter((condition) => condition.type === type);
    const path = "status.conditions";
    for (const type of final)
      if (of(next, type).length < of(old, type).length)
        errors.push(forbidden(path, `updates may not remove a condition of type "${type}"`));
    for (const type of door === "approval" ? [] : final.slice(0, 2)) {
      const [now, before] = [of(next, type), of(old, type)];
      if (now.length > before.length) errors.push(forbidden(path, `updates may not add a condition of type "${type}"`));
      else if (now.length === before.length && !jsonEqual(now, before))
        errors.push(forbidden(path, `updates may not modify a condition of type "${type}"\n`));
    }
    const [certificate, had] = [next.status?.certificate ?? "", old.status?.certificate ?? ""];
    if (certificate === had) return errors;
    const field = "status.certificate";
    const problem = certificateProblem(Buffer.from(certificate, "base64").toString("latin1"));
    if (problem !== undefined) errors.push(invalid(field, "<certificate data>", problem));
    if (door !== "status") errors.push(forbidden(field, "updates may not set certificate content"));
    else if (had !== "") errors.push(forbidden(field, "updates may not modify existing certificate content"));
    return errors;
  };
}

export const certificatesRules: RuleTable = {
  "certificates/v1.CertificateSigningRequest": {
    name: pathSegmentErrors,
    object: validateRequest,
    update: changeThrough(""),
    subresources: { approval: changeThrough("approval"), status: changeThrough("status") },
  },
};
