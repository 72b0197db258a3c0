/** Field selectors such as `status.phase=Running,spec.nodeName!=`. Which fields a kind offers is not known here. */
import { SelectorError } from "./label-parser.ts";

export interface FieldTerm {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export interface FieldMatcher {
  readonly terms: readonly FieldTerm[];
  /** `fields` holds what the object offers, by name; an absent one counts as empty. */
  matches(fields: Readonly<Record<string, string>>): boolean;
  /** The value that `field` must have, when the selector demands one. */
  exact(field: string): string | undefined;
  toString(): string;
}

/** Reads the text form. A backslash escapes a comma, an equals sign or itself. */
export function parseFieldSelector(text: string): FieldMatcher {
  return fieldMatcher(
    splitTerms(text)
      .filter((term) => term !== "")
      .map(readTerm),
  );
}

export function fieldMatcher(terms: readonly FieldTerm[]): FieldMatcher {
  return {
    terms,
    matches: (fields) =>
      terms.every(({ field, operator, value }) => ((fields[field] ?? "") === value) === (operator === "=")),
    exact: (field) => terms.find((term) => term.field === field && term.operator === "=")?.value,
    toString: () =>
      terms.map(({ field, operator, value }) => `${field}${operator}${value.replace(/[\\,=]/g, "\\$&")}`).join(","),
  };
}

function splitTerms(text: string): string[] {
  return text.match(/(?:\\.|[^,\\])+|(?<=,|^)(?=,|$)/gs) ?? [];
}

function readTerm(term: string): FieldTerm {
  const match = /^((?:\\.|[^=!\\])*)(!=|==|=)(.*)$/s.exec(term);
  const [, field, operator, value] = match ?? [];
  if (field === undefined || value === undefined) {
    throw new SelectorError(`invalid selector: '${term}'; can't understand '${term}'`);
  }
  const unescaped = unescape(value, term);
  return { field, operator: operator === "!=" ? "!=" : "=", value: unescaped };
}

function unescape(value: string, term: string): string {
  if (/(^|[^\\])(\\\\)*=/.test(value))
    throw new SelectorError(`invalid field selector: invalid unescaped character in ${JSON.stringify(term)}`);
  const bad = /\\(?![\\,=])/.exec(value.replaceAll("\\\\", ""));
  if (bad !== null) throw new SelectorError(`invalid field selector: invalid escape sequence: ${value}`);
  return value.replace(/\\([\\,=])/g, "$1");
}
