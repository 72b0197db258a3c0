// Publishes the cluster's root certificate in every living namespace as the ConfigMap kube-root-ca.crt; pods mount it to trust
// the API server. A hand-edited one is set right again.
import { configMaps } from "@coxswain/api/core/v1";
import { objectKey } from "@coxswain/apimachinery";
import { isAlreadyExists, isForbidden } from "@coxswain/client";
import { createLoop, wakeOn } from "../../loop/controller.ts";
import type { Controller, ControllerPorts } from "../../loop/controller.ts";
import { sameJson } from "../../loop/same-json.ts";

const name = "kube-root-ca.crt";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export function createRootCaController(ports: ControllerPorts, rootCa: string): Controller {
  const namespaces = ports.informers.namespaces();
  const maps = ports.informers.configMaps();
  const mapClient = ports.client.resource(configMaps);
  const data = { "ca.crt": rootCa };

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const namespace = namespaces.get(key);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    const present = maps.get(`${key}/${name}`);
    if (present === undefined) {
      const metadata = { name, namespace: key, annotations: { "kubernetes.io/description": description } };
      await mapClient
        .create({ apiVersion: "v1", kind: "ConfigMap", metadata, data }, { signal })
        .catch((error: unknown) => {
          // Made meanwhile, or the namespace began to end.
          if (!isAlreadyExists(error) && !isForbidden(error)) throw error;
        });
    } else if (!sameJson(present.data, data)) await mapClient.update({ ...present, data }, { signal });
  };

  const watches = [
    wakeOn(namespaces, (namespace) => [objectKey(namespace)]),
    wakeOn(maps, (map) => (map.metadata.name === name ? [map.metadata.namespace ?? ""] : [])),
  ];
  return createLoop({ name: "root-ca-certificate-publisher", watches, reconcile }, ports);
}
