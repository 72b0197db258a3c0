// GET of one object: from the store, or from memory when the client says that any state will do (resourceVersion=0) or the store says
// that what is in memory is the newest state.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { readRevision } from "../core/options.ts";
import { served } from "../core/registry/convert.ts";
import { decodeStored, encodeObject, withRevision } from "../core/registry/encoding.ts";
import { objectKeyIn } from "../core/registry/keys.ts";
import type { StoredValue } from "../core/storage.ts";
import type { Entry } from "../core/watch-cache/entry.ts";
import { decodeEntry, objectBytes, storedValueOf } from "../core/watch-cache/entry.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { liesAsServed, toServed } from "./served.ts";
import { tooLargeVersion } from "./too-large-version.ts";

export async function get(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const key = keyOf(kind, info.namespace, info.name);
  const wanted = readRevision(query.get("resourceVersion") ?? "");
  if (wanted === 0) {
    const feed = parts.feed(kind);
    await feed.whenFilled();
    const entry = feed.cache.get(key);
    if (entry && liesAsServed(kind, entry)) return kept(kind, entry);
  }
  if (wanted !== undefined && wanted > 0) {
    const { value, revision } = await parts.storage.get(key);
    if (revision < wanted) throw tooLargeVersion(wanted, revision);
    if (!value) throw new StatusError(statuses.notFound(kind, info.name));
    return answerOf(kind, 200, value);
  }
  const known = kind.conversion && !kind.upkeep ? undefined : parts.startedFeed(kind)?.cache.get(key);
  if (!known) return answerOf(kind, 200, await mustRead(parts, kind, key, info.name));
  const found = await parts.storage.recheck(key, known.revision);
  switch (found.kind) {
    case "unchanged":
      return liesAsServed(kind, known) ? kept(kind, known) : answerOf(kind, 200, storedValueOf(known));
    case "changed":
      return answerOf(kind, 200, found.current);
    case "gone":
      throw new StatusError(statuses.notFound(kind, info.name));
  }
}

function kept(kind: Kind, entry: Entry): Answer {
  return { type: "encoded", code: 200, bytes: objectBytes(entry), object: () => decodeEntry(entry), kind };
}

/** Cluster-scoped kinds lie outside of namespaces, whatever the path said. */
export function keyOf(kind: Kind, namespace: string, name: string): string {
  return objectKeyIn(kind.prefix, kind.namespaced ? namespace : "", name);
}

/** Throws 404 when it is not there. */
export async function mustRead(parts: Parts, kind: Kind, key: string, name: string): Promise<StoredValue> {
  const { value } = await parts.storage.get(key);
  if (!value) throw new StatusError(statuses.notFound(kind, name));
  return value;
}

/** A stored value as an answer; its bytes are sent as they are when the kind is stored as it is served. */
export function answerOf(kind: Kind, code: number, stored: StoredValue): Answer | Promise<Answer> {
  if (kind.conversion?.remote) return convertedAnswer(kind, code, stored);
  const { value, revision } = stored;
  const object = (): ReturnType<typeof decodeStored> => toServed(kind, decodeStored(value, revision));
  const isOther = kind.upkeep ? kind.upkeep.settle(decodeStored(value, revision)) : kind.conversion !== undefined;
  const bytes = isOther ? encodeObject(object()) : withRevision(value, revision).bytes;
  return { type: "encoded", code, bytes, object, kind };
}

async function convertedAnswer(kind: Kind, code: number, stored: StoredValue): Promise<Answer> {
  const object = await served(kind, decodeStored(stored.value, stored.revision));
  return { type: "encoded", code, bytes: encodeObject(object), object: () => object, kind };
}
