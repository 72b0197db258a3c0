/** What a kind's validation consists of, and how its parts are put together. */
import type { FieldError } from "@coxswain/apimachinery";
import type { NameRule } from "./metadata.ts";

/** Rules take the kind's own type; whoever calls them knows that it is that kind. */
type ObjectRule = (object: never) => FieldError[];
type UpdateRule = (next: never, old: never) => FieldError[];

export interface Rules {
  /** How it may be named; a DNS subdomain when left out. */
  readonly name?: NameRule;
  /** A new object; also a changed one when there is no rule for updates. */
  readonly object?: ObjectRule;
  /** A changed object, whole. */
  readonly update?: UpdateRule;
  /** What is written through a subresource; without one only metadata counts. */
  readonly subresources?: Readonly<Record<string, UpdateRule>>;
}

/** By schema name, such as "core/v1.Pod". */
export type RuleTable = Readonly<Record<string, Rules>>;

interface Both<T> {
  readonly object: (object: T) => FieldError[];
  readonly update: (next: T, old: T) => FieldError[];
}

/** Rules for new objects, and for changes: some of their own, then those of the object. */
export function withUpdate<T>(
  object: (object: T) => FieldError[],
  update: (next: NoInfer<T>, old: NoInfer<T>) => FieldError[],
): Both<T> {
  return { object, update: (next, old) => [...update(next, old), ...object(next)] };
}

/** The same, the object's own rules first: kinds differ in that, and messages stand in that order. */
export function thenUpdate<T>(
  object: (object: T) => FieldError[],
  update: (next: NoInfer<T>, old: NoInfer<T>) => FieldError[],
): Both<T> {
  return { object, update: (next, old) => [...object(next), ...update(next, old)] };
}
