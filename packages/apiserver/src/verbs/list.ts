// GET of a collection. Consistent by default: the store says its newest revision, the watch cache is waited for, and its
// bytes are sent. Pages behind a `continue` token, exact revisions, and whatever the cache cannot answer in time are read
// from the store at their revision.
import { StatusError, statuses } from "@coxswain/apimachinery";
import { decodeContinue, encodeContinue, newestRevision } from "../core/continue-token.ts";
import type { Item } from "../core/item.ts";
import type { ListOptions } from "../core/options.ts";
import { readListOptions, readRevision } from "../core/options.ts";
import { decodeStored, withRevision } from "../core/registry/encoding.ts";
import type { Kind } from "../core/registry/kind.ts";
import { namespacePrefix, objectKeyIn } from "../core/registry/keys.ts";
import type { StoredValue } from "../core/storage.ts";
import { prefixEnd, StorageError } from "../core/storage.ts";
import type { WatchCache } from "../core/watch-cache/cache.ts";
import type { Entry } from "../core/watch-cache/entry.ts";
import { createEntry } from "../core/watch-cache/entry.ts";
import type { Answer, Exchange, Parts } from "./parts.ts";
import { convertedItems, itemOf } from "./served.ts";
import { tooLargeVersion } from "./too-large-version.ts";

/** How long a list waits for the watch cache before it reads the store itself. */
const freshnessMs = 1000;

export async function list(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const options = readListOptions(query, kind, false);
  const fromStore = (start: Start): Promise<Answer> => listFromStore(parts, exchange, options, start);
  if (options.continueToken !== "") {
    const start = decodeContinue(options.continueToken, namespacePrefix(kind.prefix, info.namespace));
    if (options.resourceVersion !== "" && options.resourceVersion !== "0")
      throw new StatusError(statuses.badRequest("specifying resource version is not allowed when using continue"));
    return fromStore(start);
  }

  const wanted = readRevision(options.resourceVersion);
  const exact =
    options.resourceVersionMatch === "Exact" ||
    (options.resourceVersionMatch === "" && wanted !== undefined && wanted > 0 && options.limit > 0);
  if (exact) return fromStore({ revision: wanted, from: undefined });
  const feed = parts.feed(kind);
  const revision = wanted ?? (await parts.storage.revision());
  if (!(await feed.whenAt(revision, wanted === undefined ? freshnessMs : 3000, wanted === undefined))) {
    if (wanted === undefined) return fromStore({ revision: undefined, from: undefined });
    throw tooLargeVersion(wanted, feed.cache.revision);
  }
  const { cache } = feed;
  const selected = selectFrom(cache, kind, info.namespace, options);
  if (options.limit > 0 && wanted !== 0 && selected.length > options.limit) {
    // A first page must be read where its followers will be: at one revision of the store.
    return fromStore({ revision: undefined, from: undefined });
  }
  const items = await itemsOf(kind, selected);
  return { type: "list", kind, metadata: { resourceVersion: String(cache.revision) }, items };
}

/** What a selector picks of a cache; a demanded name is looked up rather than searched. */
export function selectFrom(
  cache: WatchCache,
  kind: Kind,
  namespace: string,
  options: Pick<ListOptions, "labels" | "fields">,
): readonly Entry[] {
  const name = options.fields.exact("metadata.name");
  if (name === undefined || (kind.namespaced && namespace === "")) return select(cache.list(namespace), options);
  const entry = cache.get(objectKeyIn(kind.prefix, kind.namespaced ? namespace : "", name));
  return select(entry ? [entry] : [], options);
}

function select(
  entries: readonly Entry[],
  { labels, fields }: Pick<ListOptions, "labels" | "fields">,
): readonly Entry[] {
  if (labels.requirements.length === 0 && fields.terms.length === 0) return entries;
  return entries.filter((entry) => labels.matches(entry.labels) && fields.matches(entry.fields));
}

export function itemsOf(kind: Kind, entries: readonly Entry[]): readonly Item[] | Promise<readonly Item[]> {
  if (kind.conversion?.remote)
    return convertedItems(
      kind,
      entries.map((entry) => entry.object()),
    );
  return kind.conversion || kind.upkeep ? entries.map((entry) => itemOf(kind, entry)) : entries;
}

interface Start {
  /** Undefined: the newest. */
  readonly revision: number | undefined;
  /** Where a page goes on; undefined: from the beginning. */
  readonly from: string | undefined;
}

async function listFromStore(
  parts: Parts,
  { kind, info, reserve }: Exchange,
  options: ListOptions,
  start: Start,
): Promise<Answer> {
  const prefix = namespacePrefix(kind.prefix, info.namespace);
  const selecting = options.labels.requirements.length > 0 || options.fields.terms.length > 0;
  const picked: StoredValue[] = [];
  let revision = start.revision;
  let from = start.from ?? prefix;
  let remaining = 0;
  for (;;) {
    // With a selector some of what is read is thrown away: read on until the page is full.
    const page = await readPage(
      parts,
      reserve,
      { from, to: prefixEnd(prefix), limit: options.limit, revision },
      // Only a client's own page can be continued inconsistently.
      start.from === undefined ? undefined : prefix,
    );
    revision = page.revision;
    for (const [at, value] of page.values.entries()) {
      remaining = Math.max(0, page.count - at - 1);
      from = `${value.key}\0`;
      if (!selecting || matches(kind, value, options)) picked.push(value);
      if (options.limit > 0 && picked.length >= options.limit) break;
    }
    if (page.values.length === 0) remaining = 0;
    if (remaining === 0 || options.limit === 0 || picked.length >= options.limit) break;
  }
  const items = kind.conversion?.remote
    ? await convertedItems(
        kind,
        picked.map(({ value, revision: at }) => decodeStored(value, at)),
      )
    : picked.map((value): Item => storedItem(kind, value));
  const metadata = {
    resourceVersion: String(revision),
    ...(remaining > 0 && { continue: encodeContinue(revision, from, prefix) }),
    ...(remaining > 0 && !selecting && { remainingItemCount: remaining }),
  };
  return { type: "list", kind, metadata, items };
}

function matches(kind: Kind, value: StoredValue, options: ListOptions): boolean {
  const entry = createEntry(value.key, value.value, value.revision, true, kind.fields);
  return options.labels.matches(entry.labels) && options.fields.matches(entry.fields);
}

function storedItem(kind: Kind, value: StoredValue): Item {
  return itemOf(kind, {
    get tail() {
      const { bytes, itemAt } = withRevision(value.value, value.revision);
      return bytes.subarray(itemAt);
    },
    tailBytes: value.value.length,
    object: () => decodeStored(value.value, value.revision),
  });
}

/** `pagedPrefix` is that of a page behind a token. */
async function readPage(
  parts: Parts,
  reserve: Exchange["reserve"],
  request: Parameters<Parts["storage"]["page"]>[0],
  pagedPrefix: string | undefined,
): ReturnType<Parts["storage"]["page"]> {
  try {
    return await parts.storage.page({
      ...request,
      onValues: (values) => reserve(values.reduce((sum, { value }) => sum + value.length, 0)),
    });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code === "compacted") throw expired(request.from, pagedPrefix, error);
    if (error.code === "future-revision") throw tooLargeVersion(request.revision ?? 0, await parts.storage.revision());
    throw error;
  }
}

const listTooOld = "The resourceVersion for the provided list is too old.";
const pageTooOld =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** 410; a page comes with the token to go on at the newest revision. */
function expired(from: string, pagedPrefix: string | undefined, cause: StorageError): StatusError {
  if (pagedPrefix === undefined) return new StatusError(statuses.expired(listTooOld), { cause });
  const metadata = { continue: encodeContinue(newestRevision, from, pagedPrefix) };
  return new StatusError({ ...statuses.expired(pageTooOld), metadata }, { cause });
}
