// What the watch cache keeps of an object: its bytes as they are sent, and the few values that selectors look at. The
// decoded object is made when someone asks and not kept, except where a view of the server itself reads it often.
import { parseJson } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Item } from "../item.ts";
import { withRevision } from "../registry/encoding.ts";
import type { StoredValue } from "../storage.ts";

export class Entry implements Item {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Values of the kind's field selectors; metadata.name and metadata.namespace among them. */
  readonly fields: Readonly<Record<string, string>>;
  /** `{"type":"MODIFIED","object":…}` and a line feed: the event this state came by. The object's bytes lie inside. */
  readonly line: Buffer;
  readonly type: "ADDED" | "MODIFIED";
  /** Where "metadata" begins in `line`. */
  readonly itemAt: number;

  constructor(
    of: Pick<Entry, "key" | "namespace" | "name" | "revision" | "labels" | "fields" | "line" | "type" | "itemAt">,
  ) {
    this.key = of.key;
    this.namespace = of.namespace;
    this.name = of.name;
    this.revision = of.revision;
    this.labels = of.labels;
    this.fields = of.fields;
    this.line = of.line;
    this.type = of.type;
    this.itemAt = of.itemAt;
  }

  get tail(): Buffer {
    return this.line.subarray(this.itemAt, this.line.length - closing.length);
  }

  get tailBytes(): number {
    return this.line.length - closing.length - this.itemAt;
  }

  object(): ApiObject {
    return decodeEntry(this);
  }
}

/** Values of a kind's field selectors beyond name and namespace. */
export type SelectableFields = (object: ApiObject) => Readonly<Record<string, string>>;

const opening = {
  ADDED: '{"type":"ADDED","object":',
  MODIFIED: '{"type":"MODIFIED","object":',
  DELETED: '{"type":"DELETED","object":',
} as const;
export const closing = "}\n";
const openingBytes = { ADDED: Buffer.from(opening.ADDED), MODIFIED: Buffer.from(opening.MODIFIED) };
const closingBytes = Buffer.from(closing);

export function createEntry(
  key: string,
  value: Buffer,
  revision: number,
  created: boolean,
  selectable: SelectableFields | undefined,
): Entry {
  return readEntry(key, value, revision, created, selectable).entry;
}

/**
 * The same, with the decoded object, which belongs to the caller: whoever looks at it at once need not decode it again. `known` is what
 * the bytes say, when the caller has it.
 */
export function readEntry(
  key: string,
  value: Buffer,
  revision: number,
  created: boolean,
  selectable: SelectableFields | undefined,
  known?: ApiObject,
): { readonly entry: Entry; readonly object: ApiObject } {
  const object = known ?? (parseJson(value.toString()) as ApiObject);
  object.metadata.resourceVersion = String(revision);
  const { name, namespace = "", labels = {} } = object.metadata;
  const type = created ? "ADDED" : "MODIFIED";
  const { bytes, itemAt } = withRevision(value, revision, opening[type], closing, Buffer.allocUnsafeSlow);
  const fields = { "metadata.name": name, "metadata.namespace": namespace, ...selectable?.(object) };
  const entry = new Entry({ key, namespace, name, revision, labels, fields, line: bytes, type, itemAt });
  return { entry, object };
}

/** The object's own bytes. */
export function objectBytes(entry: Entry): Buffer {
  return entry.line.subarray(opening[entry.type].length, entry.line.length - closing.length);
}

/** The value as the store has it: without the revision that was put in. */
export function storedValueOf(entry: Entry): StoredValue {
  const { key, revision, line, itemAt } = entry;
  const from = itemAt + metadataOpening.length;
  let to = from + `"resourceVersion":"${revision}"`.length;
  if (line[to] === comma) to += 1;
  const start = opening[entry.type].length;
  const value = Buffer.concat([line.subarray(start, from), line.subarray(to, line.length - closing.length)]);
  return { key, value, revision };
}

const metadataOpening = '"metadata":{';
const comma = 0x2c;

/** Decoded anew at each call; the result belongs to the caller. */
export function decodeEntry(entry: Entry): ApiObject {
  return parseJson(objectBytes(entry).toString()) as ApiObject;
}

/** The same state as an event of another type, without a copy. */
export function piecesOf(entry: Entry, type: "ADDED" | "MODIFIED"): readonly Buffer[] {
  return type === entry.type ? [entry.line] : [openingBytes[type], objectBytes(entry), closingBytes];
}

/** The same state under another event type; `revision` overrides the object's (a deletion has one of its own). */
export function lineOf(entry: Entry, type: "ADDED" | "MODIFIED" | "DELETED", revision = entry.revision): Buffer {
  if (type === entry.type && revision === entry.revision) return entry.line;
  const object = objectBytes(entry);
  const parts = [Buffer.from(opening[type]), object, Buffer.from(closing)];
  if (revision === entry.revision) return Buffer.concat(parts);
  const old = `"metadata":{"resourceVersion":"${entry.revision}"`;
  const at = entry.itemAt - opening[entry.type].length;
  return Buffer.concat([
    Buffer.from(opening[type]),
    object.subarray(0, at),
    Buffer.from(`"metadata":{"resourceVersion":"${revision}"`),
    object.subarray(at + old.length),
    Buffer.from(closing),
  ]);
}
