// The world of a hollow node: addresses that nobody has, volumes that hold nothing. What pods refer to must exist all the same.
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { SelfView } from "../core/container/field-ref.ts";
import { freeAddress, parseCidr } from "../core/network/ipam.ts";
import { AgentError } from "../errors.ts";
import type { PodApi, PodNetwork, Volumes } from "../ports.ts";

/** Addresses are given in turn; nothing is made of them. `undefined` until the node knows its range. */
export function createHollowNetwork(podCidr: () => string | undefined): PodNetwork {
  const taken = new Set<string>();
  let last: string | undefined;
  return {
    attach: async () => undefined,
    isAttached: async () => true,
    missing: () => (podCidr() === undefined ? "the node has no range of pod addresses yet" : undefined),
    async reserve() {
      const cidr = parseCidr(podCidr() ?? "");
      const address = cidr && freeAddress(cidr, taken, last);
      if (address === undefined) throw new AgentError("network", "no address is free");
      taken.add(address);
      last = address;
      return address;
    },
    release: (address) => void taken.delete(address),
    expose: async () => undefined,
  };
}

/** A pod whose ConfigMap or Secret is missing waits for it, as on a real node. */
export function createHollowVolumes(api: PodApi, rootDirectory: string): Volumes {
  const known = new Set<string>();
  const mustExist = async (pod: Pod, signal: AbortSignal | undefined): Promise<void> => {
    const namespace = pod.metadata.namespace ?? "";
    for (const { name: volume, configMap, secret, persistentVolumeClaim: claim } of pod.spec?.volumes ?? []) {
      const fail = (what: string): never => {
        throw new AgentError("volume", `MountVolume.SetUp failed for volume "${volume}" : ${what} not found`);
      };
      if (configMap?.name && configMap.optional !== true && !(await api.configMap(namespace, configMap.name, signal)))
        fail(`configmap "${configMap.name}"`);
      if (secret?.secretName && secret.optional !== true && !(await api.secret(namespace, secret.secretName, signal)))
        fail(`secret "${secret.secretName}"`);
      if (claim && !(await api.claim(namespace, claim.claimName, signal)))
        fail(`persistentvolumeclaim "${claim.claimName}"`);
    }
  };
  return {
    async prepare({ pod }: SelfView, signal) {
      await mustExist(pod, signal);
      known.add(pod.metadata.uid ?? "");
    },
    refresh: async () => undefined,
    mountsOf: async () => [],
    // Nobody runs who could have written it: the value is the key's own name.
    envFile: async ({ spec }, volumeName, path) => {
      const keys = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
        .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.fileKeyRef ?? []))
        .map(({ key }) => `${key}='${key}'`);
      return { path: `${volumeName}/${path}`, text: keys.join("\n") };
    },
    // Whoever has files to put there makes it.
    podDirectory: async ({ metadata }) => join(rootDirectory, metadata.uid ?? ""),
    remove: async (podUid) => void known.delete(podUid),
    podUids: async () => [...known],
  };
}
