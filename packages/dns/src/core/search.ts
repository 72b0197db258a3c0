// Resolvers try a name with each suffix of their search list before they ask for it as it is. From the first of these
// questions the rest of the list is known, so that one answer can end the search.
import type { Question } from "./answer.ts";

/**
 * What a resolver in a pod asks for next when `question` has no answer: the name with the list's later suffixes, then
 * alone. Empty when the name does not look as if a pod's own suffix had been put behind it.
 */
export function searchCandidates(
  { name }: Question,
  domain: string,
  isNamespace: (name: string) => boolean,
): readonly string[] {
  const suffix = `.svc.${domain}`;
  if (!name.endsWith(suffix)) return [];
  const labels = name.slice(0, -suffix.length).split(".");
  const namespace = labels.pop();
  if (namespace === undefined || labels.length === 0 || !isNamespace(namespace)) return [];
  // Names of protocols and ports are the cluster's in any case.
  if (labels.some((label) => label.startsWith("_"))) return [];
  const bare = labels.join(".");
  if (bare === domain || bare.endsWith(`.${domain}`)) return [bare];
  return [`${bare}.svc.${domain}`, `${bare}.${domain}`, bare];
}
