// How members are spelled in expressions whose names are no names there: `a-b` is `a__dash__b`, `namespace` is `__namespace__`.
const reserved: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);
const spellings: Readonly<Record<string, string>> = {
  __: "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
};
const signs = new Map(Object.entries(spellings).map(([sign, spelling]) => [spelling, sign]));

export function escapedName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name.replace(/__|[./-]/g, (sign) => spellings[sign] ?? sign);
}

export function unescapedName(spelling: string): string {
  const word = /^__([a-z]+)__$/.exec(spelling)?.[1];
  if (word !== undefined && reserved.has(word)) return word;
  return spelling.replace(/__(?:underscores|dot|dash|slash)__/g, (found) => signs.get(found) ?? found);
}
