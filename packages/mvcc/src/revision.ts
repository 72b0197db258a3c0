// A revision is the pair of a transaction's number (main) and the change's place in it (sub). As bytes, in etcd's own
// form, revisions sort by time: 8 bytes main, "_", 8 bytes sub, and "t" when the change is a deletion.

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export function revisionBytes(main: number, sub: number, tombstone = false): Buffer {
  const bytes = Buffer.allocUnsafe(tombstone ? 18 : 17);
  writeUint64(bytes, main, 0);
  bytes[8] = 0x5f;
  writeUint64(bytes, sub, 9);
  if (tombstone) bytes[17] = 0x74;
  return bytes;
}

export function parseRevision(bytes: Uint8Array): Revision & { readonly tombstone: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { main: readUint64(view, 0), sub: readUint64(view, 9), tombstone: bytes.length === 18 };
}

const twoTo32 = 0x1_0000_0000;

function writeUint64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32BE(Math.floor(value / twoTo32), offset);
  bytes.writeUInt32BE(value % twoTo32, offset + 4);
}

function readUint64(view: DataView, offset: number): number {
  return view.getUint32(offset) * twoTo32 + view.getUint32(offset + 4);
}
