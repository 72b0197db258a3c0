// What a question about the cluster's own names can end in. Records are values; the wire format is the shell's.

export type RecordType = "A" | "AAAA" | "CNAME" | "PTR" | "SOA" | "SRV" | "TXT" | "NS" | "ANY" | "OTHER";

export interface Question {
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: RecordType;
}

export type Record =
  | { readonly type: "A"; readonly name: string; readonly data: string }
  | { readonly type: "CNAME" | "PTR" | "NS"; readonly name: string; readonly data: string }
  | { readonly type: "TXT"; readonly name: string; readonly data: string }
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
