// What a question about the cluster's own names can end in. Records are values; the wire format is the shell's.
import { familyOf } from "./ip.ts";

export type RecordType = "A" | "AAAA" | "CNAME" | "PTR" | "SOA" | "SRV" | "TXT" | "NS" | "ANY" | "OTHER";

export interface Question {
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: RecordType;
}

export type Record =
  | { readonly type: "A" | "AAAA" | "CNAME" | "PTR" | "NS" | "TXT"; readonly name: string; readonly data: string }
  | {
      readonly type: "SRV";
      readonly name: string;
      readonly data: {
        readonly priority: number;
        readonly weight: number;
        readonly port: number;
        readonly target: string;
      };
    };

export type Answer =
  /** Records, never none, and what the asker will ask next. */
  | { readonly kind: "found"; readonly records: readonly Record[]; readonly additional: readonly Record[] }
  /** The record that the zone begins with. */
  | { readonly kind: "authority" }
  /** The name exists, but not with this type. */
  | { readonly kind: "no-data" }
  | { readonly kind: "no-such-name" }
  /** The name is another's (an ExternalName service): the asker is told, and the other name is looked up for it. */
  | { readonly kind: "alias"; readonly record: Record; readonly target: string }
  /** Not the cluster's business: an upstream server knows. */
  | { readonly kind: "not-ours" };

export const noData: Answer = { kind: "no-data" };
export const noSuchName: Answer = { kind: "no-such-name" };
export const notOurs: Answer = { kind: "not-ours" };

export function found(records: readonly Record[], additional: readonly Record[] = []): Answer {
  return records.length > 0 ? { kind: "found", records, additional } : noData;
}

/** The record of an address, by its family. */
export function addressRecord(name: string, address: string): Record {
  return { type: familyOf(address) === "ipv6" ? "AAAA" : "A", name, data: address };
}

/** Those of a name's addresses that were asked for; nothing at all is the name's absence. */
export function answerAddresses(question: Question, addresses: readonly string[]): Answer {
  if (addresses.length === 0) return noSuchName;
  return found(
    [...new Set(addresses)]
      .map((address) => addressRecord(question.name, address))
      .filter(({ type }) => question.type === "ANY" || question.type === type),
  );
}
