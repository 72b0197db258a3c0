/**
 * Finds members that occur twice in one object of a JSON text, which JSON.parse silently lets the last one win. It expects a text that
 * JSON.parse has accepted, and returns paths such as `spec.containers[0].image`.
 */
export function duplicateFields(text: string): string[] {
  const found: string[] = [];
  walkFields(text, (path, isRepeated) => {
    if (isRepeated) found.push(path);
  });
  return [...new Set(found)];
}

/**
 * What strict reading complains of, in the order in which a reader meets it: a repeated field where it stands again, an unknown one where it
 * stands first. That an unknown one is repeated, or what is in it, is not said. It expects a text that JSON.parse has accepted.
 */
export function strictComplaints(text: string, unknown: readonly string[]): string[] {
  const strange = new Set(unknown);
  const isStrange = (path: string): boolean =>
    strange.has(path) || unknown.some((outer) => path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`));
  const found: string[] = [];
  walkFields(text, (path, isRepeated) => {
    if (isRepeated && !isStrange(path)) found.push(`duplicate field ${JSON.stringify(path)}`);
    else if (strange.has(path)) found.push(`unknown field ${JSON.stringify(path)}`);
  });
  return [...new Set(found)];
}

function walkFields(text: string, meet: (path: string, isRepeated: boolean) => void): void {
  const skip = /[ \t\n\r]*/y;
  const string = /"(?:[^"\\]|\\.)*"/y;
  const plain = /[^\s,\]}]+/y;
  let at = 0;

  function blank(): void {
    skip.lastIndex = at;
    skip.exec(text);
    at = skip.lastIndex;
  }
  function take(pattern: RegExp): string {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0] ?? "";
    at += Math.max(match.length, 1);
    return match;
  }
  function value(path: string): void {
    blank();
    const first = text[at];
    if (first === "{") members(path);
    else if (first === "[") items(path);
    else take(first === '"' ? string : plain);
    blank();
  }
  function members(path: string): void {
    const seen = new Set<string>();
    at += 1;
    blank();
    while (at < text.length && text[at] !== "}") {
      const name = JSON.parse(take(string) || '""') as string;
      const here = path === "" ? name : `${path}.${name}`;
      meet(here, seen.has(name));
      seen.add(name);
      blank();
      at += 1;
      value(here);
      if (text[at] === ",") at += 1;
      blank();
    }
    at += 1;
  }
  function items(path: string): void {
    at += 1;
    blank();
    for (let index = 0; at < text.length && text[at] !== "]"; index += 1) {
      value(`${path}[${index}]`);
      if (text[at] === ",") at += 1;
      blank();
    }
    at += 1;
  }
  value("");
}
