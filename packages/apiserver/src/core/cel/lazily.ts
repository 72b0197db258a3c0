// The way to the expression language. Most clusters at rest have no expression to run, so its library (some megabytes of memory) is
// loaded when the first one turns up: whoever writes or carries out expressions awaits it once, and uses it freely from then on.
export type Language = typeof import("./language.ts");

let language: Language | undefined;

export async function loadLanguage(): Promise<Language> {
  return (language ??= await import("./language.ts"));
}

/** For those who have awaited it before. */
export function loadedLanguage(): Language {
  if (!language) throw new Error("an expression is to be run before its language was loaded");
  return language;
}
