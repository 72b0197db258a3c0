// The volumes of a page: what each is made of, in kubectl's words.
import { list, num, part, str } from "./page.ts";
import type { Page, Part } from "./page.ts";

export function volumes(page: Page, all: readonly Part[], space: string): void {
  if (all.length === 0) return page.raw(`${space}Volumes:\t<none>\n`);
  page.raw(`${space}Volumes:\n`);
  for (const volume of all) {
    page.line(1, `${space === "" ? "" : " "}${str(volume["name"])}:`);
    for (const text of source(volume)) page.line(2, text);
  }
}

/** Lines with tabs. */
export function source(volume: Part): string[] {
  const optional = (value: Part): string => `Optional:\t${value["optional"] === true}`;
  const known: Readonly<Record<string, (value: Part) => string[]>> = {
    emptyDir: (value) => [
      "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)",
      `Medium:\t${str(value["medium"])}`,
      `SizeLimit:\t${str(value["sizeLimit"]) === "" || str(value["sizeLimit"]) === "0" ? "<unset>" : str(value["sizeLimit"])}`,
    ],
    hostPath: (value) => [
      "Type:\tHostPath (bare host directory volume)",
      `Path:\t${str(value["path"])}`,
      `HostPathType:\t${str(value["type"])}`,
    ],
    configMap: (value) => [
      "Type:\tConfigMap (a volume populated by a ConfigMap)",
      `Name:\t${str(value["name"])}`,
      optional(value),
    ],
    secret: (value) => [
      "Type:\tSecret (a volume populated by a Secret)",
      `SecretName:\t${str(value["secretName"])}`,
      optional(value),
    ],
    persistentVolumeClaim: (value) => [
      "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
      `ClaimName:\t${str(value["claimName"])}`,
      `ReadOnly:\t${value["readOnly"] === true}`,
    ],
    nfs: (value) => [
      "Type:\tNFS (an NFS mount that lasts the lifetime of a pod)",
      `Server:\t${str(value["server"])}`,
      `Path:\t${str(value["path"])}`,
      `ReadOnly:\t${value["readOnly"] === true}`,
    ],
    downwardAPI: (value) => [
      "Type:\tDownwardAPI (a volume populated by information about the pod)",
      "Items:",
      ...list(value["items"]).map(
        (item) =>
          `  ${str(part(item["fieldRef"])["fieldPath"]) || str(part(item["resourceFieldRef"])["resource"])} -> ${str(item["path"])}`,
      ),
    ],
    local: (value) => [
      "Type:\tLocalVolume (a persistent volume backed by local storage on a node)",
      `Path:\t${str(value["path"])}`,
    ],
    csi: (value) => [
      "Type:\tCSI (a Container Storage Interface (CSI) volume source)",
      `Driver:\t${str(value["driver"])}`,
      `FSType:\t${str(value["fsType"])}`,
      `ReadOnly:\t${value["readOnly"] === true}`,
    ],
    projected,
  };
  for (const [name, show] of Object.entries(known)) if (volume[name] !== undefined) return show(part(volume[name]));
  return ["<unknown>"];
}

function projected(value: Part): string[] {
  const lines = ["Type:\tProjected (a volume that contains injected data from multiple sources)"];
  for (const entry of list(value["sources"])) {
    const [secret, downward, config, token] = ["secret", "downwardAPI", "configMap", "serviceAccountToken"].map(
      (name) => entry[name],
    );
    if (secret !== undefined)
      lines.push(`SecretName:\t${str(part(secret)["name"])}`, `Optional:\t${part(secret)["optional"] === true}`);
    else if (downward !== undefined) lines.push("DownwardAPI:\ttrue");
    else if (config !== undefined)
      lines.push(`ConfigMapName:\t${str(part(config)["name"])}`, `Optional:\t${part(config)["optional"] === true}`);
    else if (token !== undefined) lines.push(`TokenExpirationSeconds:\t${num(part(token)["expirationSeconds"])}`);
  }
  return lines;
}
