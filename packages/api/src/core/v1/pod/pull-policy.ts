/** When images are pulled whose owner does not say so, by their names as Docker reads them. */

/** Always for "latest" and names without tag and digest; IfNotPresent for others, and for what is no name of an image. */
export function pullPolicyOf(image: string): "Always" | "IfNotPresent" {
  const match = shape.exec(image);
  if (match === null || !isRepository(match[1] ?? "")) return "IfNotPresent";
  const [, , tag = "", digest = ""] = match;
  return tag === "latest" || (tag === "" && digest === "") ? "Always" : "IfNotPresent";
}

const part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
/** Name, tag, digest. */
const shape = new RegExp(`^((?:${host}/)?${part}(?:/${part})*)(?::(\\w[\\w.-]{0,127}))?(?:@(${digest}))?$`);

/** A bare digest names nothing, and neither does a path that is too long, with the folder that Docker's own images are in. */
function isRepository(name: string): boolean {
  const [first = "", ...others] = name.split("/");
  const hasHost = others.length > 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const path = hasHost ? others.join("/") : others.length > 0 ? name : `library/${name}`;
  return path.length <= 255 && !/^[a-f0-9]{64}$/.test(name);
}
