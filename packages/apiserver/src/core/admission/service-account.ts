// Gives every pod its service account, and with it the volume `kube-api-access-…`: a token that the node renews, the cluster's
// authority and the namespace. Kubernetes' `plugin/pkg/admission/serviceaccount`.
// The old annotation `kubernetes.io/enforce-mountable-secrets` is not looked at.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Clock, Random } from "@coxswain/clock";
import type { Container, Pod, ServiceAccount, Volume } from "@coxswain/api/core/v1";
import type { AdmissionPlugin, ObjectReader } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
const mirrorAnnotation = "kubernetes.io/config.mirror";
const accounts = { group: "", resource: "serviceaccounts" };

/** How long a pod may wait for the account that a new namespace is about to get. */
const defaultAccountWaitMs = 1500;
/** One hour and seven seconds: the odd number tells tokens made by default from those somebody asked for. */
const tokenSeconds = 3607;

export function createServiceAccountAdmission(ports: {
  readonly reader: ObjectReader;
  readonly clock: Clock;
  readonly random: Random;
}): AdmissionPlugin {
  const view = ports.reader.view(accounts);
  return {
    name: "ServiceAccount",
    handles: (attributes) => concerns(attributes, "", "pods", "CREATE"),
    async admit(attributes) {
      const pod = attributes.object as Pod;
      const { spec } = pod;
      if (spec === undefined) return undefined;
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
        if ((spec.serviceAccountName ?? "") !== "")
          throw refusal(attributes, "a mirror pod may not reference service accounts");
        if ((spec.volumes ?? []).some((volume) => volume.secret !== undefined))
          throw refusal(attributes, "a mirror pod may not reference secrets");
        return undefined;
      }
      const asked = spec.serviceAccountName ?? "";
      const name = asked !== "" ? asked : (spec.serviceAccount ?? "") !== "" ? (spec.serviceAccount ?? "") : "default";
      const account = await find(attributes.namespace, name);
      if (account === undefined) {
        const what = `error looking up service account ${attributes.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
        throw refusal(attributes, what);
      }
      const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
      const secrets = spec.imagePullSecrets ?? [];
      const named = {
        ...spec,
        serviceAccountName: name,
        serviceAccount: name,
        ...(secrets.length === 0 && (account.imagePullSecrets ?? []).length > 0
          ? { imagePullSecrets: account.imagePullSecrets }
          : {}),
      };
      return { ...pod, spec: automount ? withToken(named, ports.random) : named } as ApiObject;
    },
  };

  async function find(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    const known = view.get(namespace, name) ?? (await ports.reader.read(accounts, namespace, name));
    if (known !== undefined || name !== "default") return known as ServiceAccount | undefined;
    return (await appearing(namespace, name)) as ServiceAccount | undefined;
  }

  /** The controller makes the account right after its namespace; a pod that comes in between waits for the event. */
  function appearing(namespace: string, name: string): Promise<ApiObject | undefined> {
    return new Promise((resolve) => {
      const finish = (object: ApiObject | undefined): void => {
        timer.cancel();
        unsubscribe();
        resolve(object);
      };
      const timer = ports.clock.setTimeout(() => finish(undefined), defaultAccountWaitMs);
      const unsubscribe = view.subscribe(({ object }) => {
        if (object?.metadata.name === name && object.metadata.namespace === namespace) finish(object);
      });
      const meanwhile = view.get(namespace, name);
      if (meanwhile !== undefined) finish(meanwhile);
    });
  }
}

type PodSpec = NonNullable<Pod["spec"]>;

/** Adds the volume once, and a mount to each container that has nothing at the place yet. */
function withToken(spec: PodSpec, random: Random): PodSpec {
  const existing = (spec.volumes ?? []).find((volume) => volume.name.startsWith(volumePrefix));
  const volumeName = existing?.name ?? freeName(spec, random);
  const lacks = (container: Container): boolean =>
    !(container.volumeMounts ?? []).some((mount) => mount.mountPath === mountPath);
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  if (!all.some(lacks)) return spec;
  const mounted = (container: Container): Container =>
    lacks(container)
      ? {
          ...container,
          volumeMounts: [...(container.volumeMounts ?? []), { name: volumeName, readOnly: true, mountPath }],
        }
      : container;
  return {
    ...spec,
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(mounted) }),
    containers: spec.containers.map(mounted),
    volumes: existing === undefined ? [...(spec.volumes ?? []), tokenVolume(volumeName)] : (spec.volumes ?? []),
  };
}

function freeName(spec: PodSpec, random: Random): string {
  const taken = new Set((spec.volumes ?? []).map((volume) => volume.name));
  for (;;) {
    const name = `${volumePrefix}${random.suffix(5)}`;
    if (!taken.has(name)) return name;
  }
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
