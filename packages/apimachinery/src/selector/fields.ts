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
      .map((term) => readTerm(term, text)),
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
  const terms = [""];
  for (const [piece] of text.matchAll(/\\.|[^]/gsu)) {
    if (piece === ",") terms.push("");
    else terms.push(`${terms.pop() ?? ""}${piece}`);
  }
  return terms;
}

function readTerm(term: string, text: string): FieldTerm {
  const [, field, operator, value] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? [];
  if (field === undefined || value === undefined)
    throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
  return { field, operator: operator === "!=" ? "!=" : "=", value: unescape(value) };
}

function unescape(value: string): string {
  return value.replace(/\\(.?)|[,=]/gsu, (found, escaped?: string) => {
    if (escaped === undefined)
      throw new SelectorError(`invalid field selector: unescaped character in value: ${found.codePointAt(0)}`);
    if (!["\\", ",", "="].includes(escaped))
      throw new SelectorError(`invalid field selector: invalid escape sequence: ${found}`);
    return escaped;
  });
}
