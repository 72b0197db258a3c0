// Questions on the wire: reads one message, whatever its bytes. What cannot be understood ends in a code, never in an
// exception.
import type { Question, RecordType } from "../core/answer.ts";

export interface Query {
  readonly id: number;
  readonly question: Question;
  /** Name, type and class as they came, letter by letter; the answer repeats them (0x20 bit mixing). */
  readonly asked: Buffer;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** Undefined when the asker speaks no EDNS. */
  readonly edns: Edns | undefined;
}

export interface Edns {
  /** The longest answer that the asker takes by UDP and that we send. */
  readonly payloadBytes: number;
  readonly dnssecOk: boolean;
}

export type ResponseCode = "NOERROR" | "FORMERR" | "SERVFAIL" | "NXDOMAIN" | "NOTIMP" | "REFUSED" | "BADVERS";

export type Parsed =
  | { readonly kind: "query"; readonly query: Query }
  /** Something that deserves an error of this code, with its id. */
  | { readonly kind: "wrong"; readonly code: ResponseCode; readonly id: number }
  /** Not worth an answer: too short, or itself an answer. */
  | { readonly kind: "noise" };

/** What fits a packet on nearly every path (DNS flag day 2020). */
export const ourPayloadBytes = 1232;
export const plainPayloadBytes = 512;
export const headerBytes = 12;
export const typeNumbers = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, ANY: 255 };

const typeNames: ReadonlyMap<number, RecordType> = new Map([
  [typeNumbers.A, "A"],
  [typeNumbers.NS, "NS"],
  [typeNumbers.CNAME, "CNAME"],
  [typeNumbers.SOA, "SOA"],
  [typeNumbers.PTR, "PTR"],
  [typeNumbers.TXT, "TXT"],
  [typeNumbers.AAAA, "AAAA"],
  [typeNumbers.SRV, "SRV"],
  [typeNumbers.ANY, "ANY"],
]);
const classes: ReadonlySet<number> = new Set([1, 255]);
const longestName = 255;
const dot = 0x2e;

export function parseQuery(bytes: Buffer): Parsed {
  if (bytes.length < headerBytes || bytes.readUInt8(2) & 0x80) return { kind: "noise" };
  const id = bytes.readUInt16BE(0);
  const wrong = (code: ResponseCode): Parsed => ({ kind: "wrong", code, id });
  if ((bytes.readUInt8(2) >> 3) & 0x0f) return wrong("NOTIMP");
  // A question stands alone; only additional records (EDNS, signatures) may follow it.
  if (bytes.readUInt16BE(4) !== 1 || bytes.readUInt16BE(6) > 0 || bytes.readUInt16BE(8) > 0) return wrong("FORMERR");
  const name = readQuestionName(bytes);
  if (!name || name.end + 4 > bytes.length) return wrong("FORMERR");
  const edns = readEdns(bytes, name.end + 4, bytes.readUInt16BE(10));
  if (edns === "malformed") return wrong("FORMERR");
  if (edns && edns.version !== 0) return wrong("BADVERS");
  if (!classes.has(bytes.readUInt16BE(name.end + 2))) return wrong("REFUSED");
  return {
    kind: "query",
    query: {
      id,
      question: { name: name.text, type: typeNames.get(bytes.readUInt16BE(name.end)) ?? "OTHER" },
      asked: bytes.subarray(headerBytes, name.end + 4),
      recursionDesired: (bytes.readUInt8(2) & 0x01) !== 0,
      checkingDisabled: (bytes.readUInt8(3) & 0x10) !== 0,
      edns,
    },
  };
}

/** In lower case. Nothing stands before a question that it could point to. */
function readQuestionName(bytes: Buffer): { readonly text: string; readonly end: number } | undefined {
  let text = "";
  let at = headerBytes;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63 || at - headerBytes + length + 1 > longestName) return undefined;
    at++;
    if (length === 0) return { text: text.toLowerCase(), end: at };
    if (at + length > bytes.length) return undefined;
    // A dot within a label must not look like the end of the label.
    let label = bytes.toString("latin1", at, at + length);
    if (bytes.subarray(at, at + length).includes(dot)) label = label.replaceAll(".", "\0");
    text = text === "" ? label : `${text}.${label}`;
    at += length;
  }
}

function readEdns(
  bytes: Buffer,
  start: number,
  count: number,
): (Edns & { readonly version: number }) | "malformed" | undefined {
  let at = start;
  let edns: (Edns & { readonly version: number }) | undefined;
  for (let i = 0; i < count; i++) {
    const isRoot = bytes[at] === 0;
    for (let length = bytes[at]; length !== 0; length = bytes[at]) {
      if (length === undefined) return "malformed";
      if (length >= 0xc0) {
        at++;
        break;
      }
      if (length > 63) return "malformed";
      at += length + 1;
    }
    at++;
    if (at + 10 > bytes.length) return "malformed";
    if (bytes.readUInt16BE(at) === typeNumbers.OPT) {
      if (!isRoot || edns) return "malformed";
      edns = {
        payloadBytes: Math.max(plainPayloadBytes, Math.min(bytes.readUInt16BE(at + 2), ourPayloadBytes)),
        version: bytes.readUInt8(at + 5),
        dnssecOk: (bytes.readUInt8(at + 6) & 0x80) !== 0,
      };
    }
    at += 10 + bytes.readUInt16BE(at + 8);
    if (at > bytes.length) return "malformed";
  }
  return edns;
}
