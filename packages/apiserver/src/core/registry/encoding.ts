// The bytes of objects. They are stored as JSON that begins with kind, apiVersion and metadata, without a
// resourceVersion; that one is the store's revision and is spliced in when the bytes leave. So an object is encoded once
// when it is written, and lists and watches copy bytes. It decodes nothing it does not have to.
import type { ApiObject } from "@coxswain/apimachinery";

/** An object as it leaves: encoded, with its resourceVersion. */
export interface EncodedObject {
  /** The whole object. */
  readonly bytes: Buffer;
  /** Where `"metadata"` begins: from here on, behind a "{", it is an item of a list (items carry no kind and apiVersion). */
  readonly itemAt: number;
}

const metadataOpening = Buffer.from('"metadata":{');
/** kind and apiVersion end well before this. */
const headerBytes = 512;

/** Encodes for the store. Key order: kind, apiVersion, metadata, then as the object has it. */
export function encodeForStore(object: ApiObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _given, ...kept } = metadata;
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: kept, ...rest }));
}

/** Encodes an object that is not stored, or not as it is shown. */
export function encodeObject(object: ApiObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object;
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata, ...rest }));
}

/** The stored bytes with their revision as resourceVersion, and room for what stands around them. */
export function withRevision(value: Buffer, revision: number, before = "", after = ""): EncodedObject {
  const at = value.subarray(0, headerBytes).indexOf(metadataOpening);
  if (at < 0) return withRevisionSlowly(value, revision, before, after);
  const cut = at + metadataOpening.length;
  const empty = value[cut] === 0x7d;
  const inserted = `"resourceVersion":"${revision}"${empty ? "" : ","}`;
  const bytes = Buffer.allocUnsafe(before.length + value.length + inserted.length + after.length);
  let end = bytes.write(before, 0, "latin1");
  end += value.copy(bytes, end, 0, cut);
  end += bytes.write(inserted, end, "latin1");
  end += value.copy(bytes, end, cut);
  bytes.write(after, end, "latin1");
  return { bytes, itemAt: before.length + at };
}

/** Bytes that someone else wrote, in another order. */
function withRevisionSlowly(value: Buffer, revision: number, before: string, after: string): EncodedObject {
  const object = JSON.parse(value.toString()) as ApiObject;
  return withRevision(
    encodeForStore({ ...object, metadata: object.metadata ?? { name: "" } }),
    revision,
    before,
    after,
  );
}

/** Decodes stored bytes. The result belongs to the caller. */
export function decodeStored(value: Buffer, revision: number): ApiObject {
  const object = JSON.parse(value.toString()) as ApiObject;
  object.metadata.resourceVersion = String(revision);
  return object;
}
