// The forms a list can leave in, as a beginning, pieces and an end, so that a long list need never be whole in memory: kept bytes
// as they are, tables and metadata made object by object, indented JSON and YAML. Lists in protobuf are `protobuf-list.ts`'s.
import type { ApiObject } from "@coxswain/apimachinery";
import { renderYaml } from "../../core/body/yaml.ts";
import type { Item } from "../../core/item.ts";
import type { Representation } from "../../core/tables/accept.ts";
import { includeObjectOf, partialListOf, partialOf, tableOf } from "../../core/tables/table.ts";
import type { Answer } from "../../verbs/parts.ts";

type ListAnswer = Extract<Answer, { type: "list" }>;

export interface ListForm {
  readonly begin: Buffer;
  /** Adds the bytes of an item, what stands between it and the one before it included. */
  push(item: Item, isFirst: boolean, into: Buffer[]): void;
  readonly end: (isEmpty: boolean) => Buffer;
}

export function listForm(
  answer: ListAnswer,
  representation: Representation,
  query: URLSearchParams,
  nowMs: number,
): ListForm {
  const { as, format, pretty } = representation;
  if (as === "object" && format === "json" && !pretty) return keptForm(answer);
  const { empty, pieceOf } = shapeOf(answer, representation, query, nowMs);
  return format === "yaml" ? yamlForm(empty, pieceOf) : jsonForm(empty, pieceOf, pretty);
}

/** The whole list as one text. */
export function listText(answer: ListAnswer): string {
  const { begin, push, end } = keptForm(answer);
  const pieces = [begin];
  for (const [at, item] of answer.items.entries()) push(item, at === 0, pieces);
  return Buffer.concat([...pieces, end(answer.items.length === 0)])
    .toString()
    .trimEnd();
}

const opening = Buffer.from("{");
const following = Buffer.from(",{");
const nothing = Buffer.alloc(0);

/** Bytes behind each other; nothing is decoded. */
function keptForm(answer: ListAnswer): ListForm {
  const { kind } = answer;
  const head = `{"kind":"${kind.rules.listKind}","apiVersion":"${kind.apiVersion}","metadata":${JSON.stringify(metadataOf(answer))},"items":[`;
  const named = kind.rules.namesItems ? `"apiVersion":"${kind.apiVersion}","kind":"${kind.kind}",` : "";
  const first = named === "" ? opening : Buffer.from(`{${named}`);
  const next = named === "" ? following : Buffer.from(`,{${named}`);
  return {
    begin: Buffer.from(head),
    push: (item, isFirst, into) => void into.push(isFirst ? first : next, item.tail),
    end: () => Buffer.from("]}\n"),
  };
}

/** Lists of custom kinds always say how they go on. */
function metadataOf({ kind, metadata }: ListAnswer): ListAnswer["metadata"] {
  return kind.rules.namesItems ? { continue: "", ...metadata } : metadata;
}

interface Shape {
  /** The list without any items; they stand in its last member. */
  readonly empty: object;
  readonly pieceOf: (object: ApiObject) => unknown;
}

function shapeOf(answer: ListAnswer, { as, meta }: Representation, query: URLSearchParams, nowMs: number): Shape {
  const { kind, metadata } = answer;
  switch (as) {
    case "object":
      return {
        empty: { kind: kind.rules.listKind, apiVersion: kind.apiVersion, metadata: metadataOf(answer), items: [] },
        pieceOf: kind.rules.namesItems
          ? (object) => object
          : ({ kind: _kind, apiVersion: _apiVersion, ...rest }) => rest,
      };
    case "partial":
      return { empty: partialListOf([], metadata, meta), pieceOf: (object) => partialOf(object, meta) };
    case "table": {
      const include = includeObjectOf(query);
      const tableWith = (objects: readonly ApiObject[]): ReturnType<typeof tableOf> =>
        tableOf(kind, objects, metadata, include, nowMs, true, meta);
      return { empty: tableWith([]), pieceOf: (object) => tableWith([object]).rows[0] };
    }
  }
}

function jsonForm(empty: object, pieceOf: Shape["pieceOf"], pretty: boolean): ListForm {
  const indent = pretty ? 2 : 0;
  const text = JSON.stringify(empty, null, indent);
  const cut = text.lastIndexOf("]");
  const between = pretty ? ",\n    " : ",";
  return {
    begin: Buffer.from(text.slice(0, cut)),
    push(item, isFirst, into) {
      const piece = JSON.stringify(pieceOf(item.object()), null, indent);
      const placed = pretty ? piece.replaceAll("\n", "\n    ") : piece;
      into.push(Buffer.from(`${isFirst ? (pretty ? "\n    " : "") : between}${placed}`));
    },
    end: (isEmpty) => Buffer.from(pretty ? `${isEmpty ? "" : "\n  "}${text.slice(cut)}` : `${text.slice(cut)}\n`),
  };
}

function yamlForm(empty: object, pieceOf: Shape["pieceOf"]): ListForm {
  const text = renderYaml(empty);
  const [, before = "", after = ""] = /^((?:.*\n)?(?:items|rows):)( \[\]\n.*)$/s.exec(text) ?? [];
  return {
    begin: Buffer.from(before),
    push(item, isFirst, into) {
      const lines = renderYaml([pieceOf(item.object())])
        .trimEnd()
        .replaceAll("\n", "\n  ");
      into.push(isFirst ? Buffer.from("\n  ") : nothing, Buffer.from(`${isFirst ? "" : "  "}${lines}\n`));
    },
    end: (isEmpty) => Buffer.from(isEmpty ? after : after.slice(" []\n".length)),
  };
}
