// GET with watch=true: events after a revision, from the watch cache, filtered. An object that begins to match is ADDED,
// one that no longer does is DELETED. Slow readers are the sink's business.
import { statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { ListOptions } from "../core/options.ts";
import { readListOptions, readWatchRevision } from "../core/options.ts";
import type { Kind } from "../core/registry/kind.ts";
import type { Feed } from "../io/storage/feed.ts";
import type { Change, WatchCache } from "../core/watch-cache/cache.ts";
import type { Entry } from "../core/watch-cache/entry.ts";
import { decodeEntry, lineOf, piecesOf } from "../core/watch-cache/entry.ts";
import { encodeObject } from "../core/registry/encoding.ts";
import { convertingSink } from "./converting-sink.ts";
import { selectFrom } from "./list.ts";
import { tooLargeVersion } from "./too-large-version.ts";
import type { Answer, Exchange, InitialEvent, Parts, WatchEventKind, WatchSink, WatchSource } from "./parts.ts";
import { liesAsServed, toServed } from "./served.ts";

/** How long a watch lasts when the client names no time: at least this, at most twice as long. */
const minimumTimeoutMs = 1_800_000;
/** How long a watch waits for the cache to reach the revision it names. */
const freshnessMs = 3000;

export async function watch(parts: Parts, exchange: Exchange): Promise<Answer> {
  const { kind, info, query } = exchange;
  const options = readListOptions(query, kind, true);
  const wanted = readWatchRevision(options.resourceVersion, kind);
  const feed = parts.feed(kind);
  await feed.whenFilled();
  const initial = options.sendInitialEvents ?? (wanted === undefined || wanted === 0);
  if (wanted === undefined && options.sendInitialEvents !== false)
    await feed.whenAt(await parts.storage.revision(), freshnessMs, true);
  // What is there first must not be older than what the client has seen. Without it nothing need be waited for: events up to
  // the revision are passed over, as those of another server that is ahead of this one.
  const refusal =
    initial && wanted !== undefined && !(await feed.whenAt(wanted, freshnessMs))
      ? tooLargeVersion(wanted, feed.cache.revision).status
      : undefined;
  const scope: Scope = {
    kind,
    options,
    namespace: info.namespace,
    name: info.verb === "watch" && info.name !== "" ? info.name : undefined,
  };
  const timeoutMs = options.timeoutSeconds
    ? options.timeoutSeconds * 1000
    : minimumTimeoutMs * (1 + parts.random.next());
  const after = initial ? undefined : (wanted ?? feed.cache.revision);
  const recalled = after !== undefined && after < feed.cache.oldestResume ? await recall(feed, after) : undefined;
  const source: WatchSource = {
    timeoutMs,
    allowBookmarks: options.allowWatchBookmarks,
    start: (reader) => {
      // Kubernetes, too, says it in the stream.
      if (refusal) {
        reader.end(refusal);
        return () => undefined;
      }
      const converting = kind.conversion?.remote && convertingSink(kind, reader);
      const seen = (revision: number): void => {
        const note = (): void => void lastSeen.set(reader, revision);
        if (converting) converting.after(note);
        else note();
      };
      return follow(feed.cache, scope, after, recalled, options.sendInitialEvents === true, converting ?? reader, seen);
    },
  };
  return { type: "watch", kind, watch: source };
}

/** What the window does not reach back to, up to where it does. */
interface Recalled {
  readonly changes: readonly Change[];
  readonly until: number;
}

async function recall(feed: Feed, after: number): Promise<Recalled | undefined> {
  const until = feed.cache.revision;
  const changes = await feed.recall(after, until);
  return changes && { changes, until };
}

interface Scope {
  readonly kind: Kind;
  readonly options: ListOptions;
  readonly namespace: string;
  readonly name: string | undefined;
}

/** `after`: the revision to go on from; undefined sends what there is first. */
function follow(
  cache: WatchCache,
  scope: Scope,
  after: number | undefined,
  recalled: Recalled | undefined,
  marksInitialEnd: boolean,
  sink: WatchSink,
  nowAt: (revision: number) => void,
): () => void {
  const { kind, options } = scope;
  const keys = encodingKeys(kind);
  let sent = false;
  const changed = (change: Change): void => {
    if (after !== undefined && change.revision <= after) return;
    const matched = change.before && inScope(scope, change.before);
    const matches = change.after && inScope(scope, change.after);
    if (matches && change.after)
      emit(kind, keys, sink, matched ? "MODIFIED" : "ADDED", change.after, change.revision, change.encoded);
    else if (matched && change.before)
      // The last state that the watcher knew, at the revision at which it ceased to be that.
      emit(kind, keys, sink, "DELETED", change.before, change.revision, change.encoded);
    else return;
    sent = true;
  };
  if (after === undefined) {
    const entries = selectFrom(cache, kind, scope.namespace, options);
    sink.initial(
      initialEvents(kind, scope.name === undefined ? entries : entries.filter(({ name }) => name === scope.name)),
    );
    if (marksInitialEnd && options.allowWatchBookmarks) sink.bookmark(cache.revision, true);
  } else {
    for (const change of recalled?.changes ?? []) changed(change);
    const missed = cache.since(recalled?.until ?? after);
    if (!missed) {
      sink.end(statuses.expired(`too old resource version: ${after} (${cache.oldestResume})`));
      return () => undefined;
    }
    for (const change of missed) changed(change);
  }
  sink.flush();
  sent = false;
  const seen = (revision: number): void => nowAt(Math.max(revision, after ?? 0));
  seen(cache.revision);
  return cache.listen({
    changed,
    flush: (revision) => {
      if (sent) sink.flush();
      sent = false;
      seen(revision);
    },
    interrupted: () => sink.end(statuses.expired("the history of the resource was lost")),
  });
}

/** How far each watch is, for bookmarks. */
const lastSeen = new WeakMap<WatchSink, number>();

/** The revision up to which nothing is missing from a started watch. */
export function progressOf(sink: WatchSink): number | undefined {
  return lastSeen.get(sink);
}

function inScope({ options, namespace, name }: Scope, entry: Entry): boolean {
  if (namespace !== "" && entry.namespace !== namespace) return false;
  if (name !== undefined && entry.name !== name) return false;
  return options.labels.matches(entry.labels) && options.fields.matches(entry.fields);
}

type EncodingKeys = Readonly<Record<WatchEventKind, string>>;

/** By which watchers of the same version find an event that another has encoded. Made once a watch: a thousand ask for each event. */
function encodingKeys({ apiVersion }: Kind): EncodingKeys {
  return { ADDED: `${apiVersion} ADDED`, MODIFIED: `${apiVersion} MODIFIED`, DELETED: `${apiVersion} DELETED` };
}

function* initialEvents(kind: Kind, entries: readonly Entry[]): Generator<InitialEvent> {
  for (const entry of entries) {
    const object = (): ApiObject => toServed(kind, entry.object());
    const line = (): readonly Buffer[] =>
      liesAsServed(kind, entry)
        ? piecesOf(entry, "ADDED")
        : [Buffer.from('{"type":"ADDED","object":'), encodeObject(object()), Buffer.from("}\n")];
    yield { line, object };
  }
}

function emit(
  kind: Kind,
  keys: EncodingKeys,
  sink: WatchSink,
  type: WatchEventKind,
  entry: Entry,
  revision: number,
  encoded: Map<string, Buffer> | undefined,
): void {
  const object = (): ReturnType<typeof decodeEntry> => {
    const decoded = decodeEntry(entry);
    decoded.metadata.resourceVersion = String(revision);
    return toServed(kind, decoded);
  };
  const line = (): Buffer => {
    const known = encoded?.get(keys[type]);
    if (known) return known;
    const made = liesAsServed(kind, entry)
      ? lineOf(entry, type, revision)
      : Buffer.concat([Buffer.from(`{"type":"${type}","object":`), encodeObject(object()), Buffer.from("}\n")]);
    encoded?.set(keys[type], made);
    return made;
  };
  sink.event(type, line, object, encoded);
}
