// Questions and answers on the wire: the only user of the codec. Limits answers to what the asker can take.
import packet from "dns-packet";
import type { Answer as WireAnswer, DecodedPacket, OptAnswer, Packet } from "dns-packet";
import type { Question, Record, RecordType } from "../core/answer.ts";

export interface Query {
  readonly id: number;
  readonly question: Question;
  /** As it was asked, letter by letter; the answer repeats it (0x20 bit mixing). */
  readonly asked: { readonly name: string; readonly type: string };
  readonly recursionDesired: boolean;
  /** Undefined when the asker speaks no EDNS. */
  readonly edns: { readonly payloadBytes: number; readonly version: number } | undefined;
}

export type ResponseCode = "NOERROR" | "FORMERR" | "SERVFAIL" | "NXDOMAIN" | "NOTIMP" | "REFUSED" | "BADVERS";

export interface Reply {
  readonly code: ResponseCode;
  readonly authoritative: boolean;
  readonly answers: readonly Record[];
  readonly additional: readonly Record[];
  /** Given with negative answers: how long they may be kept. */
  readonly soa: { readonly domain: string; readonly serial: number } | undefined;
  readonly ttlSeconds: number;
}

export type Parsed =
  | { readonly kind: "query"; readonly query: Query }
  /** Something that deserves an error of this code, with its id. */
  | { readonly kind: "wrong"; readonly code: ResponseCode; readonly id: number }
  /** Not worth an answer: too short, or itself an answer. */
  | { readonly kind: "noise" };

const codes: { readonly [Code in ResponseCode]: number } = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
};
const knownTypes: ReadonlySet<string> = new Set<RecordType>([
  "A",
  "AAAA",
  "CNAME",
  "PTR",
  "SOA",
  "SRV",
  "TXT",
  "NS",
  "ANY",
]);
/** What fits a packet on nearly every path (DNS flag day 2020). */
const ourPayloadBytes = 1232;
const plainPayloadBytes = 512;

export function parseQuery(bytes: Buffer): Parsed {
  if (bytes.length < 12 || bytes.readUInt8(2) & 0x80) return { kind: "noise" };
  const id = bytes.readUInt16BE(0);
  if ((bytes.readUInt8(2) >> 3) & 0x0f) return { kind: "wrong", code: "NOTIMP", id };
  let decoded: DecodedPacket;
  try {
    decoded = packet.decode(bytes);
  } catch {
    // Whatever the codec stumbles over is the asker's malformed message.
    return { kind: "wrong", code: "FORMERR", id };
  }
  const [asked, ...more] = decoded.questions ?? [];
  if (!asked || more.length > 0) return { kind: "wrong", code: "FORMERR", id };
  if (asked.class !== undefined && asked.class !== "IN" && asked.class !== "ANY")
    return { kind: "wrong", code: "REFUSED", id };
  const opt = (decoded.additionals ?? []).find((record): record is OptAnswer & WireAnswer => record.type === "OPT");
  const query: Query = {
    id,
    question: { name: asked.name.toLowerCase().replace(/\.$/, ""), type: typeOf(asked.type) },
    asked: { name: asked.name, type: asked.type },
    recursionDesired: decoded.flag_rd,
    edns: opt
      ? {
          payloadBytes: Math.max(plainPayloadBytes, Math.min(opt.udpPayloadSize, ourPayloadBytes)),
          version: opt.ednsVersion,
        }
      : undefined,
  };
  return opt && opt.ednsVersion !== 0 ? { kind: "wrong", code: "BADVERS", id } : { kind: "query", query };
}

/** Over UDP an answer that is too long is sent without records and marked, so that the asker comes again by TCP. */
export function encodeReply(query: Query, reply: Reply, transport: "udp" | "tcp"): Buffer {
  const whole = encode(query, reply, false);
  if (transport === "tcp" || whole.length <= (query.edns?.payloadBytes ?? plainPayloadBytes)) return whole;
  // What only spares another question is left out first.
  const lean = encode(query, { ...reply, additional: [] }, false);
  if (lean.length <= (query.edns?.payloadBytes ?? plainPayloadBytes)) return lean;
  return encode(query, { ...reply, answers: [], additional: [], soa: undefined }, true);
}

/** An error for a message that could not be understood. */
export function encodeError(id: number, code: ResponseCode): Buffer {
  const message = Buffer.alloc(12);
  message.writeUInt16BE(id, 0);
  message.writeUInt8(0x80, 2);
  message.writeUInt8(0x80 | (codes[code] & 0x0f), 3);
  if (code !== "BADVERS") return message;
  // The upper bits of an extended code stand in an OPT record.
  message.writeUInt16BE(1, 10);
  return Buffer.concat([
    message,
    Buffer.from([0, 0, 41, ourPayloadBytes >> 8, ourPayloadBytes & 0xff, codes.BADVERS >> 4, 0, 0, 0, 0, 0]),
  ]);
}

function encode(query: Query, reply: Reply, truncated: boolean): Buffer {
  const { answers, additional, soa, ttlSeconds } = reply;
  const wire = (record: Record): WireAnswer =>
    ({
      ...record,
      ttl: ttlSeconds,
      class: "IN",
      name: record.name === query.question.name ? query.asked.name : record.name,
    }) as WireAnswer;
  const authority: WireAnswer[] = soa
    ? [
        {
          type: "SOA",
          name: soa.domain,
          ttl: ttlSeconds,
          class: "IN",
          data: {
            mname: `ns.dns.${soa.domain}`,
            rname: `hostmaster.${soa.domain}`,
            serial: soa.serial,
            refresh: 7200,
            retry: 1800,
            expire: 86_400,
            minimum: ttlSeconds,
          },
        },
      ]
    : [];
  const opt: WireAnswer[] = query.edns
    ? [
        {
          type: "OPT",
          name: ".",
          udpPayloadSize: ourPayloadBytes,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : [];
  const flags =
    (reply.authoritative ? packet.AUTHORITATIVE_ANSWER : 0) |
    (truncated ? packet.TRUNCATED_RESPONSE : 0) |
    (query.recursionDesired ? packet.RECURSION_DESIRED : 0) |
    packet.RECURSION_AVAILABLE |
    codes[reply.code];
  const message: Packet = {
    type: "response",
    id: query.id,
    flags,
    questions: [{ name: query.asked.name, type: query.asked.type as WireAnswer["type"], class: "IN" }],
    answers: answers.map(wire),
    authorities: authority,
    additionals: [...additional.map(wire), ...opt],
  };
  return packet.encode(message);
}

function typeOf(text: string): RecordType {
  return knownTypes.has(text) ? (text as RecordType) : "OTHER";
}
