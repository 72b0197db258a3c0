// What kind of pod a pod is: all that any rule of scope "node" or "cluster" may look at, as one text. Pods of one kind get the
// same answers, so they share the work. Pods whose own claims or disks matter are of no kind.
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Container } from "@coxswain/api/core/v1";
import type { PodView } from "./resources.ts";

const signatures = new WeakMap<object, string>();
/** The longest part is the same object for all pods of a template. */
const specs = new WeakMap<object, string>();

export function signatureOf(pod: PodView): string | undefined {
  const known = signatures.get(pod);
  if (known !== undefined) return known === "" ? undefined : known;
  const signature = write(pod);
  signatures.set(pod, signature ?? "");
  return signature;
}

function write({ metadata, spec }: PodView): string | undefined {
  for (const volume of spec?.volumes ?? []) {
    const { persistentVolumeClaim, ephemeral, gcePersistentDisk, awsElasticBlockStore, iscsi, rbd } = volume;
    if (persistentVolumeClaim ?? ephemeral ?? gcePersistentDisk ?? awsElasticBlockStore ?? iscsi ?? rbd)
      return undefined;
  }
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const kin = JSON.stringify([metadata.namespace, metadata.labels, owner?.kind, owner?.name]);
  if (spec === undefined) return kin;
  let text = specs.get(spec);
  if (text === undefined) {
    const container = ({ image, resources, ports, restartPolicy }: DeepReadonly<Container>): unknown => [
      image,
      resources?.requests,
      ports?.some(({ hostPort }) => hostPort !== undefined) === true ? ports : undefined,
      restartPolicy,
    ];
    text = JSON.stringify([
      spec.containers.map(container),
      spec.initContainers?.map(container),
      spec.affinity,
      spec.nodeSelector,
      spec.tolerations,
      spec.topologySpreadConstraints,
      spec.overhead,
      spec.resources?.requests,
      spec.resourceClaims,
      spec.priority,
      spec.nodeName,
    ]);
    specs.set(spec, text);
  }
  return kin + text;
}
