// Answers on the wire: names are written once and pointed to afterwards, and no answer is longer than its asker takes.
import type { Record } from "../core/answer.ts";
import { parseIpv4, parseIpv6 } from "../core/ip.ts";
import { headerBytes, ourPayloadBytes, plainPayloadBytes, typeNumbers } from "./query.ts";
import type { Query, ResponseCode } from "./query.ts";

export interface Reply {
  readonly code: ResponseCode;
  readonly authoritative: boolean;
  readonly answers: readonly Record[];
  readonly additional: readonly Record[];
  /** The zone's record: the answer itself, or with a negative one how long that may be kept. */
  readonly soa:
    { readonly domain: string; readonly serial: number; readonly section: "answer" | "authority" } | undefined;
  readonly ttlSeconds: number;
}

const codes: { readonly [Code in ResponseCode]: number } = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
};
const optBytes = 11;
const mostBytes = 65_535;
/** Pointers have 14 bits. */
const lastPointable = 0x3fff;

/** Filled anew for each answer and then copied: an answer is made without interruption. */
const page = Buffer.allocUnsafe(mostBytes + 1024);

/** By UDP as many records as the asker takes, marked when some are missing, so that it comes again by TCP. */
export function encodeReply(query: Query, reply: Reply, transport: "udp" | "tcp"): Buffer {
  const limit =
    (transport === "tcp" ? mostBytes : (query.edns?.payloadBytes ?? plainPayloadBytes)) - (query.edns ? optBytes : 0);
  const { ttlSeconds: ttl, soa } = reply;
  const names = createNames(query);
  let at = headerBytes + query.asked.copy(page, headerBytes);
  let truncated = false;
  const add = (record: Record): boolean => {
    const end = writeRecord(record, at, ttl, names);
    if (end > limit) {
      names.forget(at);
      return false;
    }
    at = end;
    return true;
  };
  const addSoa = (): boolean => {
    if (!soa) return false;
    at = writeSoa(soa, at, ttl, names);
    return true;
  };

  let answers = soa?.section === "answer" && addSoa() ? 1 : 0;
  for (const record of reply.answers) {
    truncated = !add(record);
    if (truncated) break;
    answers++;
  }
  const authorities = soa?.section === "authority" && addSoa() ? 1 : 0;
  let additionals = 0;
  // What only spares the asker another question may be missing.
  if (!truncated) for (const record of reply.additional) if (add(record)) additionals++;
  if (query.edns) {
    at = writeOpt(at, codes[reply.code], query.edns.dnssecOk);
    additionals++;
  }
  page.writeUInt16BE(query.id, 0);
  page[2] = 0x80 | (reply.authoritative ? 0x04 : 0) | (truncated ? 0x02 : 0) | (query.recursionDesired ? 0x01 : 0);
  page[3] = 0x80 | (query.checkingDisabled ? 0x10 : 0) | (codes[reply.code] & 0x0f);
  page.writeUInt16BE(1, 4);
  page.writeUInt16BE(answers, 6);
  page.writeUInt16BE(authorities, 8);
  page.writeUInt16BE(additionals, 10);
  return Buffer.from(page.subarray(0, at));
}

/** An error for a message that could not be understood. */
export function encodeError(id: number, code: ResponseCode): Buffer {
  const extended = codes[code] > 0x0f;
  page.fill(0, 0, headerBytes);
  page.writeUInt16BE(id, 0);
  page[2] = 0x80;
  page[3] = 0x80 | (codes[code] & 0x0f);
  // The upper bits of an extended code stand in an OPT record.
  page[11] = extended ? 1 : 0;
  const end = extended ? writeOpt(headerBytes, codes[code], false) : headerBytes;
  return Buffer.from(page.subarray(0, end));
}

interface Names {
  /** Where a name stands already, by the name in lower case. */
  at(name: string): number | undefined;
  note(name: string, offset: number): void;
  /** Nothing from here on was written after all. */
  forget(from: number): void;
}

/** Knows the question's name and its parents from the start. */
function createNames(query: Query): Names {
  const { name } = query.question;
  const places = new Map<string, number>();
  if (name !== "") {
    let offset = headerBytes;
    for (let rest = name; ;) {
      places.set(rest, offset);
      const end = rest.indexOf(".");
      if (end < 0) break;
      offset += end + 1;
      rest = rest.slice(end + 1);
    }
  }
  return {
    at: (text) => places.get(text),
    note: (text, offset) => void (offset <= lastPointable && places.set(text, offset)),
    forget: (from) => places.forEach((offset, text) => offset >= from && places.delete(text)),
  };
}

function writeName(name: string, start: number, names: Names, compress = true): number {
  let at = start;
  for (let rest = name; rest !== "";) {
    const known = compress ? names.at(rest) : undefined;
    if (known !== undefined) return page.writeUInt16BE(0xc000 | known, at);
    names.note(rest, at);
    const end = rest.indexOf(".");
    const label = end < 0 ? rest : rest.slice(0, end);
    at = page.writeUInt8(label.length, at);
    at += page.write(label, at, "latin1");
    rest = end < 0 ? "" : rest.slice(end + 1);
  }
  return page.writeUInt8(0, at);
}

function writeHead(name: string, type: number, ttl: number, start: number, names: Names): number {
  let at = writeName(name, start, names);
  at = page.writeUInt16BE(type, at);
  at = page.writeUInt16BE(1, at);
  return page.writeUInt32BE(ttl, at) + 2;
}

function writeRecord(record: Record, start: number, ttl: number, names: Names): number {
  const data = writeHead(record.name, typeNumbers[record.type], ttl, start, names);
  const end = writeData(record, data, names);
  page.writeUInt16BE(end - data, data - 2);
  return end;
}

function writeData(record: Record, start: number, names: Names): number {
  let at = start;
  switch (record.type) {
    case "A":
      for (const byte of parseIpv4(record.data) ?? [0, 0, 0, 0]) page[at++] = byte;
      return at;
    case "AAAA":
      for (const group of parseIpv6(record.data) ?? []) at = page.writeUInt16BE(group, at);
      return at;
    case "CNAME":
    case "PTR":
    case "NS":
      return writeName(record.data, at, names);
    case "TXT":
      at = page.writeUInt8(record.data.length, at);
      return at + page.write(record.data, at, "latin1");
    case "SRV": {
      const { priority, weight, port, target } = record.data;
      at = page.writeUInt16BE(priority, at);
      at = page.writeUInt16BE(weight, at);
      at = page.writeUInt16BE(port, at);
      // RFC 2782: this name is written whole.
      return writeName(target, at, names, false);
    }
  }
}

function writeSoa(soa: NonNullable<Reply["soa"]>, start: number, ttl: number, names: Names): number {
  const data = writeHead(soa.domain, typeNumbers.SOA, ttl, start, names);
  let at = writeName(`ns.dns.${soa.domain}`, data, names);
  at = writeName(`hostmaster.${soa.domain}`, at, names);
  for (const value of [soa.serial, 7200, 1800, 86_400, ttl]) at = page.writeUInt32BE(value, at);
  page.writeUInt16BE(at - data, data - 2);
  return at;
}

function writeOpt(start: number, code: number, dnssecOk: boolean): number {
  let at = page.writeUInt8(0, start);
  at = page.writeUInt16BE(typeNumbers.OPT, at);
  at = page.writeUInt16BE(ourPayloadBytes, at);
  at = page.writeUInt8(code >> 4, at);
  at = page.writeUInt8(0, at);
  at = page.writeUInt16BE(dnssecOk ? 0x8000 : 0, at);
  return page.writeUInt16BE(0, at);
}
