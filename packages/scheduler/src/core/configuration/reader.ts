// Reads a value of unknown shape strictly: every member is asked for by name and type, what is left over is unknown, and all
// mistakes are gathered with their paths, in the words of Kubernetes' validation.
import { fieldErrors } from "@coxswain/apimachinery";
import type { FieldError } from "@coxswain/apimachinery";

export class Reader {
  readonly path: string;
  readonly errors: FieldError[];
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #asked = new Set<string>();

  /** What is no object is a mistake, and read as an empty one. */
  constructor(value: unknown, path: string, errors: FieldError[]) {
    this.path = path;
    this.errors = errors;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject && value !== undefined && value !== null)
      errors.push(fieldErrors.typeInvalid(path, value, "expected an object"));
    this.#members = isObject ? (value as Record<string, unknown>) : {};
  }

  at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined && this.#members[name] !== null;
  }

  raw(name: string): unknown {
    this.#asked.add(name);
    return this.#members[name] ?? undefined;
  }

  string(name: string, fallback = ""): string {
    return this.#typed(name, "string", (value) => typeof value === "string", fallback);
  }

  boolean(name: string, fallback = false): boolean {
    return this.#typed(name, "true or false", (value) => typeof value === "boolean", fallback);
  }

  integer(name: string, fallback: number): number {
    return this.#typed(name, "a whole number", (value) => Number.isInteger(value), fallback);
  }

  /** Undefined if it is not there. */
  optionalInteger(name: string): number | undefined {
    return this.has(name) ? this.integer(name, 0) : undefined;
  }

  object(name: string): Reader {
    return new Reader(this.raw(name), this.at(name), this.errors);
  }

  strings(name: string): readonly string[] {
    return this.list(name).flatMap((value, index) => {
      if (typeof value === "string") return [value];
      this.errors.push(fieldErrors.typeInvalid(`${this.at(name)}[${index}]`, value, "expected a string"));
      return [];
    });
  }

  objects(name: string): readonly Reader[] {
    return this.list(name).map((value, index) => new Reader(value, `${this.at(name)}[${index}]`, this.errors));
  }

  list(name: string): readonly unknown[] {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.errors.push(fieldErrors.typeInvalid(this.at(name), value, "expected a list"));
    return [];
  }

  invalid(name: string, detail: string, found: unknown = this.#members[name]): void {
    this.errors.push(fieldErrors.invalid(this.at(name), found, detail));
  }

  required(name: string, detail = ""): void {
    this.errors.push(fieldErrors.required(this.at(name), detail));
  }

  /** Says which members nobody asked for. Call last. */
  end(): void {
    for (const name of Object.keys(this.#members))
      if (!this.#asked.has(name)) this.errors.push(fieldErrors.invalid(this.at(name), name, "unknown field"));
  }

  #typed<T>(name: string, expected: string, is: (value: unknown) => boolean, fallback: T): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (is(value)) return value as T;
    this.errors.push(fieldErrors.typeInvalid(this.at(name), value, `expected ${expected}`));
    return fallback;
  }
}
