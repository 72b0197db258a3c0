// GET of a collection. Consistent by default: the store says its newest revision, the watch cache is waited for, and its
// bytes are sent. Pages behind a `continue` token, exact revisions, and whatever the cache cannot answer in time are read
// from the store at their revision.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { FieldMatcher, LabelMatcher } from "@coxswain/apimachinery";
import { decodeContinue, encodeContinue } from "../core/continue-token.ts";
import type { ListOptions } from "../core/options.ts";
import { readListOptions, readRevision } from "../core/options.ts";
import { decodeStored, withRevision } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import { namespacePrefix } from "../core/registry/keys.ts";
import type { StoredValue } from "../core/storage.ts";
import { prefixEnd, StorageError } from "../core/storage.ts";
import type { Entry } from "../core/watch-cache/entry.ts";
import { createEntry, decodeEntry, itemTail } from "../core/watch-cache/entry.ts";
import type { Answer, Exchange, Item, Parts } from "./parts.ts";
import { itemOf } from "./served.ts";

/** How long a list waits for the watch cache before it reads the store itself. */
const freshnessMs = 1000;

export async function list(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const options = readListOptions(query, kind, false);
  if (options.continueToken !== "")
    return listFromStore(parts, kind, info.namespace, options, decodeContinue(options.continueToken, kind.prefix));

  const wanted = readRevision(options.resourceVersion);
  const exact =
    options.resourceVersionMatch === "Exact" ||
    (options.resourceVersionMatch === "" && wanted !== undefined && wanted > 0 && options.limit > 0);
  if (exact) return listFromStore(parts, kind, info.namespace, options, { revision: wanted, from: undefined });
  const feed = parts.feed(kind);
  const revision = wanted ?? (await parts.storage.revision());
  if (!(await feed.whenAt(revision, wanted === undefined ? freshnessMs : 3000, wanted === undefined))) {
    if (wanted === undefined)
      return listFromStore(parts, kind, info.namespace, options, { revision: undefined, from: undefined });
    throw new StatusError({
      ...statuses.timeout(`Too large resource version: ${wanted}, current: ${feed.cache.revision}`, 1),
      details: {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      },
    });
  }
  const { cache } = feed;
  const selected = select(cache.list(info.namespace), options);
  if (options.limit > 0 && wanted !== 0 && selected.length > options.limit) {
    // A first page must be read where its followers will be: at one revision of the store.
    return listFromStore(parts, kind, info.namespace, options, { revision: undefined, from: undefined });
  }
  const items = selected.map((entry) => itemOfEntry(kind, entry));
  return { type: "list", kind, metadata: { resourceVersion: String(cache.revision) }, items };
}

/** The entries a selector picks; a demanded name is looked up rather than searched. */
export function select(
  entries: readonly Entry[],
  { labels, fields }: { labels: LabelMatcher; fields: FieldMatcher },
): readonly Entry[] {
  if (labels.requirements.length === 0 && fields.terms.length === 0) return entries;
  return entries.filter((entry) => labels.matches(entry.labels) && fields.matches(entry.fields));
}

function itemOfEntry(kind: Kind, entry: Entry): Item {
  return kind.conversion
    ? itemOf(kind, decodeEntry(entry))
    : { tail: itemTail(entry), object: () => decodeEntry(entry) };
}

async function listFromStore(
  parts: Parts,
  kind: Kind,
  namespace: string,
  options: ListOptions,
  start: { readonly revision: number | undefined; readonly from: string | undefined },
): Promise<Answer> {
  const prefix = namespacePrefix(kind.prefix, namespace);
  const selecting = options.labels.requirements.length > 0 || options.fields.terms.length > 0;
  const picked: StoredValue[] = [];
  let revision = start.revision;
  let from = start.from ?? prefix;
  let remaining = 0;
  for (;;) {
    // With a selector some of what is read is thrown away: read on until the page is full.
    const page = await readPage(parts, kind, { from, to: prefixEnd(prefix), limit: options.limit, revision });
    revision = page.revision;
    for (const value of page.values) {
      from = `${value.key}\0`;
      if (!selecting || matches(kind, value, options)) picked.push(value);
      remaining = Math.max(0, page.count - page.values.indexOf(value) - 1);
      if (options.limit > 0 && picked.length >= options.limit) break;
    }
    if (page.values.length === 0) remaining = 0;
    if (remaining === 0 || options.limit === 0 || picked.length >= options.limit) break;
  }
  const items = picked.map((value): Item => storedItem(kind, value));
  const metadata = {
    resourceVersion: String(revision),
    ...(remaining > 0 && { continue: encodeContinue(revision, from, kind.prefix) }),
    ...(remaining > 0 && !selecting && { remainingItemCount: remaining }),
  };
  return { type: "list", kind, metadata, items };
}

function matches(kind: Kind, value: StoredValue, options: ListOptions): boolean {
  const entry = createEntry(value.key, value.value, value.revision, true, kind.fields);
  return options.labels.matches(entry.labels) && options.fields.matches(entry.fields);
}

function storedItem(kind: Kind, value: StoredValue): Item {
  if (kind.conversion) return itemOf(kind, decodeStored(value.value, value.revision));
  const { bytes, itemAt } = withRevision(value.value, value.revision);
  return { tail: bytes.subarray(itemAt), object: () => decodeStored(value.value, value.revision) };
}

async function readPage(
  parts: Parts,
  kind: Kind,
  request: Parameters<Parts["storage"]["page"]>[0],
): ReturnType<Parts["storage"]["page"]> {
  try {
    return await parts.storage.page(request);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code === "compacted") {
      const why =
        request.from === kind.prefix
          ? "The resourceVersion for the provided list is too old."
          : "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
      throw new StatusError(statuses.expired(why), { cause: error });
    }
    if (error.code === "future-revision")
      throw new StatusError(
        statuses.timeout(`Too large resource version: ${String(request.revision)}, current: unknown`, 1),
        { cause: error },
      );
    throw error;
  }
}
