// The bytes of objects. They are stored as JSON that begins with kind, apiVersion and metadata, without a
// resourceVersion; that one is the store's revision and is spliced in when the bytes leave. So an object is encoded once
// when it is written, and lists and watches copy bytes. It decodes nothing it does not have to.
import { parseJson } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";

/** An object as it leaves: encoded, with its resourceVersion. */
export interface EncodedObject {
  /** The whole object. */
  readonly bytes: Buffer;
  /** Where `"metadata"` begins: from here on, behind a "{", it is an item of a list (items carry no kind and apiVersion). */
  readonly itemAt: number;
}

/** How stored bytes begin: nothing but kind and apiVersion stands before metadata. Group 1 ends where metadata's members begin. */
const header = /^(\{"kind":"[^"\\]*","apiVersion":"[^"\\]*",)"metadata":\{/;
/** kind and apiVersion end well before this. */
const headerBytes = 512;

/** Encodes for the store. Key order: kind, apiVersion, metadata, then as the object has it. */
export function encodeForStore(object: ApiObject): Buffer {
  if (object.metadata.resourceVersion === undefined) {
    // What was decoded here has its members in this order already.
    const text = JSON.stringify(object);
    if (header.test(text)) return Buffer.from(text);
  }
  const { resourceVersion: _given, ...kept } = object.metadata;
  return Buffer.from(assemble(object, kept).text);
}

/** Encodes an object that is not stored, or not as it is shown. */
export function encodeObject(object: ApiObject): Buffer {
  return Buffer.from(assemble(object, object.metadata).text);
}

/** Written out by hand: an object literal would put members with numeric names first. */
function assemble(object: ApiObject, metadata: object): { readonly text: string; readonly itemAt: number } {
  const { kind, apiVersion, metadata: _metadata, ...rest } = object;
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
  const tail = JSON.stringify(rest).slice(1);
  return {
    text: `${head}"metadata":${JSON.stringify(metadata)}${tail === "}" ? "" : ","}${tail}`,
    itemAt: Buffer.byteLength(head),
  };
}

/**
 * The stored bytes with their revision as resourceVersion, and room for what stands around them. Bytes that are to be kept want memory
 * of their own (`Buffer.allocUnsafeSlow`): a piece of Node's pool would keep its neighbours alive.
 */
export function withRevision(
  value: Buffer,
  revision: number,
  before = "",
  after = "",
  allocate: (size: number) => Buffer = Buffer.allocUnsafe,
): EncodedObject {
  const found = header.exec(value.toString("latin1", 0, headerBytes));
  if (!found) return withRevisionSlowly(value, revision, before, after);
  const cut = found[0].length;
  const inserted = `"resourceVersion":"${revision}"${value[cut] === closingBrace ? "" : ","}`;
  const bytes = allocate(before.length + value.length + inserted.length + after.length);
  let end = bytes.write(before, 0, "latin1");
  end += value.copy(bytes, end, 0, cut);
  end += bytes.write(inserted, end, "latin1");
  end += value.copy(bytes, end, cut);
  bytes.write(after, end, "latin1");
  return { bytes, itemAt: before.length + (found[1]?.length ?? 0) };
}

const closingBrace = 0x7d;

/** Bytes that someone else wrote, in another order. */
function withRevisionSlowly(value: Buffer, revision: number, before: string, after: string): EncodedObject {
  const object = parseJson(value.toString()) as ApiObject;
  const { text, itemAt } = assemble(object, { resourceVersion: String(revision), ...object.metadata });
  return { bytes: Buffer.from(`${before}${text}${after}`), itemAt: before.length + itemAt };
}

/** Decodes stored bytes. The result belongs to the caller. */
export function decodeStored(value: Buffer, revision: number): ApiObject {
  const object = parseJson(value.toString()) as ApiObject;
  object.metadata.resourceVersion = String(revision);
  return object;
}
