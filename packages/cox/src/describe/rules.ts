// The rules of roles as lines: one for each resource, name and address.
import { texts } from "./page.ts";
import type { Part } from "./page.ts";

/** One line for each resource; in kubectl's order, which is by verbs, then groups, then resources. */
export function ruleLines(rules: readonly Part[]): string[] {
  interface Row {
    readonly group: string;
    readonly resource: string;
    readonly url: string;
    readonly name: string;
    readonly verbs: readonly string[];
  }
  const rows = new Map<string, Row>();
  const put = (row: Row): void => {
    const key = `${row.group} ${row.resource} ${row.url} ${row.name}`;
    rows.set(key, { ...row, verbs: [...new Set([...(rows.get(key)?.verbs ?? []), ...row.verbs])] });
  };
  for (const rule of rules) {
    const verbs = texts(rule["verbs"]);
    const names = texts(rule["resourceNames"]);
    for (const group of texts(rule["apiGroups"]))
      for (const resource of texts(rule["resources"]))
        for (const name of names.length > 0 ? names : [""]) put({ group, resource, name, url: "", verbs });
    // Addresses of several rules stay apart, as kubectl leaves them.
    for (const url of texts(rule["nonResourceURLs"]))
      rows.set(`url ${rows.size}`, { group: "", resource: "", name: "", url, verbs });
  }
  const key = ({ verbs, group, resource, name, url }: Row): string =>
    `[${verbs.join(" ")}],[${group}],[${resource}],[${name}],[${url}]`;
  const bracket = (text: string): string => `[${text}]`;
  return [...rows.values()]
    .toSorted((left, right) => (key(left) < key(right) ? -1 : 1))
    .map(({ group, resource, name, url, verbs }) => {
      const [plain = "", sub] = resource.split("/");
      const full = group === "" ? resource : `${plain}.${group}${sub === undefined ? "" : `/${sub}`}`;
      return `${full}\t${bracket(url)}\t${bracket(name)}\t[${verbs.join(" ")}]`;
    });
}
