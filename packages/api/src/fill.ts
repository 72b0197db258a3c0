/** Sets members that are absent. Defaults are written with it: it changes the object in place, and never one that has a value. */
export function fill<T extends object>(target: T, values: { readonly [Key in keyof T]?: T[Key] }): void {
  for (const key in values) {
    const value = values[key];
    if (target[key] === undefined && value !== undefined) target[key] = value as T[typeof key];
  }
}

/** The same for texts, whose empty value counts as absent. */
export function fillText<T extends object>(target: T, values: { readonly [Key in keyof T]?: T[Key] }): void {
  for (const key in values) {
    const value = values[key];
    if ((target[key] === undefined || target[key] === "") && value !== undefined) target[key] = value as T[typeof key];
  }
}
