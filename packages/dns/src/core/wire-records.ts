// Reads the records of another server's answer that help who asks for an address: addresses and aliases. Undefined for
// anything that does not parse; no bytes make it fail or run for long.
import type { Record } from "./answer.ts";
import { formatIpv6 } from "./ip.ts";

const mostJumps = 32;

export function wireRecords(message: Uint8Array): readonly Record[] | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  try {
    let at = 12;
    for (let i = view.getUint16(4); i > 0; i--) at = readName(view, at).end + 4;
    const records: Record[] = [];
    for (let i = view.getUint16(6); i > 0; i--) {
      const { name, end } = readName(view, at);
      const data = end + 10;
      const length = view.getUint16(end + 8);
      if (data + length > message.length) return undefined;
      const type = view.getUint16(end);
      if (type === 1 && length === 4)
        records.push({ type: "A", name, data: [...message.subarray(data, data + 4)].join(".") });
      else if (type === 28 && length === 16) {
        const groups = Array.from({ length: 8 }, (_, group) => view.getUint16(data + group * 2));
        records.push({ type: "AAAA", name, data: formatIpv6(groups) });
      } else if (type === 5) records.push({ type: "CNAME", name, data: readName(view, data).name });
      at = data + length;
    }
    return records;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** In lower case; throws a RangeError for what is no name. */
function readName(view: DataView, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (let jumps = 0; ;) {
    const length = view.getUint8(at);
    if (length >= 0xc0) {
      end ??= at + 2;
      if (++jumps > mostJumps) throw new RangeError("a name that points in circles");
      at = view.getUint16(at) & 0x3fff;
    } else if (length > 63 || labels.length > 127) throw new RangeError("a label of no known form");
    else if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    else {
      let label = "";
      for (let i = 1; i <= length; i++) label += String.fromCharCode(view.getUint8(at + i));
      labels.push(label.toLowerCase());
      at += length + 1;
    }
  }
}
