/** How kinds are printed as tables: columns and cells, in the words and order of Kubernetes' printers. Not the wire format of a Table. */
import {
  age,
  type DeepReadonly,
  labelSelectorMatcher,
  type LabelSelector,
  type ObjectMeta,
} from "@coxswain/apimachinery";
import type { PodSpec } from "./core/v1/types.ts";

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly format: "" | "name";
  readonly description: string;
  /** 0 is always shown, 1 only in wide output. */
  readonly priority: 0 | 1;
}

/** Something that holds of a whole row: kubectl hides completed ones when it is told to. */
export interface RowCondition {
  readonly type: "Completed";
  readonly status: "True";
  readonly reason: string;
  readonly message: string;
}

/** A printer reads; `now` decides what AGE says. */
export interface TablePrinter<T> {
  readonly columns: readonly Column[];
  cells(object: DeepReadonly<T>, now: number): (string | number | boolean)[];
  conditions?(object: DeepReadonly<T>): readonly RowCondition[];
}

type Shown = [name: string, description: string];

// Stands before the printers: they are made while this file loads.
const descriptions: Readonly<Record<string, string>> = {
  Age: "How long ago the object was created.",
  "Created At": "When the object was created.",
  Ready: "How many are ready, of those wanted.",
  Status: "The state in one word, or why it is not as wanted.",
  Restarts: "How often containers were restarted, and when last.",
  IP: "The address of the pod.",
  Node: "The node it runs on.",
  "Nominated Node": "The node on which room is being made.",
  "Readiness Gates": "Conditions beyond the containers' that readiness waits for.",
  Containers: "Names of the containers in the template.",
  Images: "Images of the containers in the template.",
  Selector: "Which labels belong to it.",
  Desired: "How many are wanted.",
  Current: "How many there are.",
  "Up-to-date": "How many have the newest template.",
  Available: "How many have been ready for long enough.",
};

const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique in its namespace.",
  priority: 0,
};

/**
 * A printer from its columns after NAME, written as `Ready` (text), `Desired#` (number), `Suspend?` (yes or no), `Name@` (a name) or `Node+`
 * (wide only), and the cells after the name. Kubernetes calls some columns of numbers text; so do these.
 */
export function printer<T extends { metadata: ObjectMeta }>(
  columns: readonly (string | Shown)[],
  cells: (object: DeepReadonly<T>, now: number) => (string | number | boolean)[],
): TablePrinter<T> {
  return {
    columns: [nameColumn, ...columns.map(column)],
    cells: (object, now) => [object.metadata.name, ...cells(object, now)],
  };
}

/** A printer whose first column is not the name. */
export function bare<T>(columns: readonly string[], cells: TablePrinter<T>["cells"]): TablePrinter<T> {
  return { columns: columns.map(column), cells };
}

/** NAME and CREATED AT: what kinds without a printer of their own show. */
export const plainTable: TablePrinter<{ metadata: ObjectMeta }> = {
  columns: [nameColumn, { ...column("Created At"), type: "date" }],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp ?? ""],
};

/** NAME and AGE. */
export const agedTable: TablePrinter<{ metadata: ObjectMeta }> = printer(["Age"], (object, now) => [
  ageOf(object, now),
]);

export function ageOf(object: { readonly metadata: DeepReadonly<ObjectMeta> }, now: number): string {
  return age(object.metadata.creationTimestamp, now);
}

export const none = "<none>";

/** Names and images of the containers of a template, for wide output. */
export function containersAndImages(spec: DeepReadonly<PodSpec> | undefined): [string, string] {
  const containers = spec?.containers ?? [];
  return [containers.map(({ name }) => name).join(","), containers.map(({ image }) => image ?? "").join(",")];
}

export function selectorText(selector: DeepReadonly<LabelSelector> | undefined): string {
  const text = selector === undefined ? "" : labelSelectorMatcher(selector).toString();
  return text === "" ? none : text;
}

/** `a=b,c=d`, or <none>. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? none : pairs.sort().join(",");
}

function column(written: string | Shown): Column {
  const [text, description] = typeof written === "string" ? [written, ""] : written;
  const name = text.replace(/[#+?@]+$/, "");
  const type = /#\+?$/.test(text) ? "integer" : /\?\+?$/.test(text) ? "boolean" : "string";
  return {
    name,
    type,
    format: /@\+?$/.test(text) ? "name" : "",
    description: description === "" ? (descriptions[name] ?? `${name}.`) : description,
    priority: text.endsWith("+") ? 1 : 0,
  };
}
