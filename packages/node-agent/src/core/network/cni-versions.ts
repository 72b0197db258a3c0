// Which version of CNI is spoken with a network's plugins, and what may be asked in it: CHECK since 0.4.0, GC and STATUS since 1.1.0.
import { isRecord, isTexts } from "./cni.ts";
import type { CniCall, CniNetworkConfig, CniNetworkVerb } from "./cni.ts";

/** Newest first. Their results have addresses at the same place. */
const versions = ["1.1.0", "1.0.0", "0.4.0", "0.3.1", "0.3.0"] as const;
type Version = (typeof versions)[number];

const since: Readonly<Record<CniNetworkVerb | "CHECK", Version>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/** The network in the newest version that it offers, we know and each of its plugins supports. Throws a sentence. */
export function settleVersion(
  network: CniNetworkConfig,
  supported: ReadonlyMap<string, readonly string[]>,
): CniNetworkConfig {
  const offered = [network.cniVersion, ...network.cniVersions];
  const known = versions.filter((version) => offered.includes(version));
  if (known.length === 0)
    throw new Error(`expected a cniVersion of ${versions.toReversed().join(", ")}, found ${offered.join(", ")}`);
  const knows = (type: string, version: Version): boolean => supported.get(type)?.includes(version) ?? false;
  const types = network.plugins.map(({ type }) => type);
  const cniVersion = known.find((version) => types.every((type) => knows(type, version)));
  if (cniVersion !== undefined) return { ...network, cniVersion };
  // The one that knows least of it.
  const missed = (type: string): number => known.filter((version) => !knows(type, version)).length;
  const [type = ""] = types.toSorted((one, other) => missed(other) - missed(one));
  throw new Error(
    `plugin ${type} does not support config version ${known.join(" or ")}, but ${(supported.get(type) ?? []).join(", ")}`,
  );
}

/** Whether the verb exists in the network's version, and nobody has turned it off. */
export function mayAsk(network: CniNetworkConfig, verb: CniNetworkVerb | "CHECK"): boolean {
  const off = (verb === "CHECK" && network.disableCheck) || (verb === "GC" && network.disableGC);
  const spoken = versions.findIndex((version) => version === network.cniVersion);
  return !off && spoken >= 0 && spoken <= versions.indexOf(since[verb]);
}

export function versionCall(plugin: string): CniCall {
  return { plugin, environment: { CNI_COMMAND: "VERSION" }, input: JSON.stringify({ cniVersion: versions[0] }) };
}

/** What a plugin says of itself; throws a sentence when that is something else. */
export function versionsIn(answer: unknown): readonly string[] {
  const said = isRecord(answer) ? answer["supportedVersions"] : undefined;
  if (!isTexts(said)) throw new Error("its answer to VERSION has no supportedVersions");
  return said;
}
