// A list in protobuf. Its length stands before it, so all items are encoded before the first byte leaves: the bytes of short lists are kept
// for the sending, of long ones only their number, and each item is encoded once more when its turn has come.
import { writeItem, writeListHead } from "../../core/body/protobuf-writer.ts";
import type { Item } from "../../core/item.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { partialOf } from "../../core/tables/table.ts";
import type { Answer } from "../../verbs/parts.ts";
import type { ListForm } from "./list-form.ts";

type ListAnswer = Extract<Answer, { type: "list" }>;

/** A list up to here is encoded once. */
const keptBytes = 4 * 1024 * 1024;
/** Others have their turn after so many. */
const betweenTurnsBytes = 256 * 1024;
const nothing = Buffer.alloc(0);

/** `turn` lets others have theirs; undefined when it says that the client has gone. */
export async function protobufList(
  { kind, metadata, items }: ListAnswer,
  { as, meta }: Pick<Representation, "as" | "meta">,
  turn: () => Promise<boolean>,
): Promise<ListForm | undefined> {
  const type = { apiVersion: kind.apiVersion, kind: kind.kind };
  const encode = (item: Item): Buffer =>
    writeItem(as === "partial" ? partialOf(item.object(), meta) : { ...item.object(), ...type });
  let kept: Buffer[] | undefined = [];
  let bytes = 0;
  let sinceTurn = 0;
  for (const item of items) {
    const piece = encode(item);
    bytes += piece.length;
    sinceTurn += piece.length;
    if (bytes > keptBytes) kept = undefined;
    kept?.push(piece);
    if (sinceTurn < betweenTurnsBytes) continue;
    sinceTurn = 0;
    if (!(await turn())) return undefined;
  }
  const list =
    as === "partial"
      ? { apiVersion: `meta.k8s.io/${meta}`, kind: "PartialObjectMetadataList", metadata }
      : { apiVersion: kind.apiVersion, kind: kind.rules.listKind, metadata };
  const encoded = kept?.values();
  return {
    begin: writeListHead(list, bytes),
    push: (item, _isFirst, into) => void into.push(encoded?.next().value ?? encode(item)),
    end: () => nothing,
  };
}
