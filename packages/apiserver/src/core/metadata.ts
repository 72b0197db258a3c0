// The part of metadata that is the server's to write: identity and times on create, what an update may not change.
import { fieldErrors, jsonEqual, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Kind } from "./registry/kind.ts";
import { keep } from "./registry/strategy.ts";

/** Names and namespaces must agree with the path. `name` is "" when the path has none. */
export function agreeWithPath(kind: Kind, object: ApiObject, namespace: string, name: string): void {
  if (kind.namespaced) {
    const given = object.metadata.namespace ?? "";
    if (given === "") object.metadata.namespace = namespace;
    else if (given !== namespace)
      throw new StatusError(
        statuses.badRequest("the namespace of the provided object does not match the namespace sent on the request"),
      );
  } else if ((object.metadata.namespace ?? "") !== "") delete object.metadata.namespace;
  if (name === "") return;
  if ((object.metadata.name ?? "") === "") {
    throw new StatusError(statuses.badRequest(unnamed(name)));
  }
  if (object.metadata.name !== name)
    throw new StatusError(
      statuses.badRequest(
        `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
      ),
    );
}

/** What is said of an object without a name where the path has one. */
export function unnamed(name: string): string {
  return `the name of the object (${name} based on URL) was undeterminable: name must be provided`;
}

/** What only the server sets on create. The name may still be missing when generateName is given. */
export function stampCreate(object: ApiObject, uid: string, nowMs: number): void {
  const { metadata } = object;
  if ((metadata.resourceVersion ?? "") !== "")
    throw new StatusError(statuses.badRequest("resourceVersion should not be set on objects to be created"));
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  metadata.uid = uid;
  metadata.creationTimestamp = rfc3339(nowMs);
}

/** Owners that are named twice, in the very same words, are kept once, and the client is told. */
export function nameOwnersOnce(object: ApiObject, is: "as sent" | "as admitted", warn: (text: string) => void): void {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length < 2) return;
  const once = owners.filter((owner, index) => owners.findIndex((other) => jsonEqual(other, owner)) === index);
  if (once.length === owners.length) return;
  const repeated = owners.filter((owner) => !once.includes(owner)).map(({ uid }) => uid);
  const when = is === "as admitted" ? " after mutating admission happens" : "";
  warn(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(", ")}`,
  );
  object.metadata.ownerReferences = once;
}

/** The longest name that is generated: room for the suffix. */
const longestBase = 63 - 5;

export function generatedName(base: string, suffix: string): string {
  return `${base.slice(0, longestBase)}${suffix}`;
}

/** Whoever sends a whole object means the one with its uid: throws 409 for another one, and, with "", for none. */
export function meansThisOne(kind: Kind, key: string, { metadata }: ApiObject, uid: string): void {
  const given = metadata.uid ?? "";
  if (given === "" || given === uid) return;
  const why = `Precondition failed: UID in precondition: ${given}, UID in object meta: ${uid}`;
  const error = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`;
  throw new StatusError(statuses.conflict(kind, metadata.name, error));
}

/** An update changes nobody's identity, and begins no deletion: 422. */
export function stampUpdate(kind: Kind, object: ApiObject, old: ApiObject): void {
  const { metadata } = object;
  // While it is going its time stays, whatever is said.
  if (old.metadata.deletionTimestamp !== undefined) keep(metadata, old.metadata, "deletionTimestamp");
  const changed = (["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] as const).filter(
    (name) => (metadata[name] ?? "") !== "" && metadata[name] !== old.metadata[name],
  );
  if (changed.length > 0) {
    const errors = changed.map((name) => fieldErrors.invalid(`metadata.${name}`, metadata[name], "field is immutable"));
    throw new StatusError(statuses.invalid(kind, old.metadata.name, errors));
  }
  keep(metadata, old.metadata, "uid");
  keep(metadata, old.metadata, "creationTimestamp");
  keep(metadata, old.metadata, "deletionGracePeriodSeconds");
  delete metadata.selfLink;
}

/** Throws 409 when the client has seen another state, 422 when the kind wants to know which one. */
export function checkVersion(kind: Kind, object: ApiObject, current: string): void {
  const given = object.metadata.resourceVersion ?? "";
  if (given === "" || given === "0") {
    if (kind.strategy.unconditionalUpdate !== false) return;
    throw new StatusError(
      statuses.invalid({ group: kind.group, kind: kind.resource }, object.metadata.name, [
        fieldErrors.invalid("metadata.resourceVersion", 0, "must be specified for an update"),
      ]),
    );
  }
  if (given !== current) throw new StatusError(statuses.conflict(kind, object.metadata.name, modified));
}

export const modified = "the object has been modified; please apply your changes to the latest version and try again";
