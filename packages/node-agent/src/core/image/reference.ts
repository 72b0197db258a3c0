// The grammar of image references, as the distribution project defines it. Pure.

const hostLabel = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const host = `(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pathPart = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const tag = "[\\w][\\w.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const grammar = new RegExp(`^(?:${host}/)?${pathPart}(?:/${pathPart})*(?::${tag})?(?:@${digest})?$`);
const longestName = 255;

/** What is wrong with an image reference, in the distribution project's words; undefined when nothing is. */
export function referenceFault(reference: string): string | undefined {
  const name = nameOf(reference);
  if (reference === "") return "invalid reference format";
  if (!grammar.test(normalized(reference)))
    return grammar.test(normalized(reference.toLowerCase()))
      ? `invalid reference format: repository name (${withoutHost(name)}) must be lowercase`
      : "invalid reference format";
  if (name.length > longestName) return "repository name must not be more than 255 characters";
  return undefined;
}

/** A first part that does not look like a host belongs to the path, and must then be lower case. */
function normalized(reference: string): string {
  return hostOf(reference) === undefined ? `docker.io/${reference}` : reference;
}

function nameOf(reference: string): string {
  return (reference.split("@")[0] ?? "").replace(/:[^/:]*$/, "");
}

function withoutHost(name: string): string {
  const host = hostOf(name);
  if (host !== undefined) return name.slice(host.length + 1);
  return name.includes("/") ? name : `library/${name}`;
}

function hostOf(reference: string): string | undefined {
  const slash = reference.indexOf("/");
  if (slash === -1) return undefined;
  const first = reference.slice(0, slash);
  return /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase() ? first : undefined;
}
