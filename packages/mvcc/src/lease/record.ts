// A lease as it is kept, in etcd's own bytes: the id as 8 bytes, the value as leasepb.Lease in protobuf.

export function leaseKey(id: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(id);
  return bytes;
}

export function encodeLease(lease: {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly remainingTtlSeconds: number;
}): Buffer {
  const fields = [
    BigInt.asUintN(64, lease.id),
    BigInt.asUintN(64, BigInt(lease.ttlSeconds)),
    BigInt.asUintN(64, BigInt(lease.remainingTtlSeconds)),
  ];
  const bytes: number[] = [];
  fields.forEach((field, index) => {
    if (field === 0n) return;
    bytes.push((index + 1) << 3);
    let rest = field;
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
  });
  return Buffer.from(bytes);
}

export function decodeLease(bytes: Uint8Array): { id: bigint; ttlSeconds: number; remainingTtlSeconds: number } {
  const fields = [0n, 0n, 0n, 0n];
  let at = 0;
  while (at < bytes.length) {
    const number = (bytes[at++] as number) >>> 3;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a lease's record ends in the middle of a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    fields[number] = BigInt.asIntN(64, value);
  }
  return { id: fields[1] ?? 0n, ttlSeconds: Number(fields[2]), remainingTtlSeconds: Number(fields[3]) };
}
