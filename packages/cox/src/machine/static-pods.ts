// The control plane's daemons as static pods: what kubeadm does with manifests that the node agent reads. Flags stand in the manifest, so a
// change of them makes a new pod. Which daemons there are, and with which flags, is said in daemons.ts.
import { healthPortOf } from "./daemons.ts";
import type { DaemonFlags } from "./daemons.ts";
import type { MachineRecord } from "./record.ts";

/** What kubeadm asks for, as they are scheduled nowhere but counted. */
const requests: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  store: { cpu: "100m", memory: "100Mi" },
  apiserver: { cpu: "250m" },
  scheduler: { cpu: "100m" },
  "controller-manager": { cpu: "200m" },
};

/** The manifest of a daemon of the control plane; nothing for those of a node, which bring pods about themselves. */
export function staticPodOf(
  { name, flags }: DaemonFlags,
  record: MachineRecord,
  image: string,
  directory: string,
): object | undefined {
  const resources = requests[name];
  if (resources === undefined) return undefined;
  const check = (path: string, more: object): object => ({
    httpGet:
      name === "store"
        ? { host: "127.0.0.1", port: 2381, path, scheme: "HTTP" }
        : { host: record.address, port: healthPortOf(name, record), path, scheme: "HTTPS" },
    timeoutSeconds: 15,
    ...more,
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "kube-system", labels: { component: name, tier: "control-plane" } },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image,
          imagePullPolicy: "IfNotPresent",
          command: ["/usr/bin/coxswain", name, ...flags],
          env: [{ name: "COXSWAIN_DIR", value: directory }],
          resources: { requests: resources },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            readOnlyRootFilesystem: true,
          },
          // Three minutes for a store that has much to read, and for those that wait for it.
          startupProbe: check("/livez", { periodSeconds: 2, failureThreshold: 90 }),
          livenessProbe: check("/livez", { periodSeconds: 10, failureThreshold: 8 }),
          readinessProbe: check("/readyz", { periodSeconds: 1, failureThreshold: 3 }),
          volumeMounts: [
            { name: "machine", mountPath: directory },
            { name: "scratch", mountPath: "/tmp" },
          ],
        },
      ],
      volumes: [
        { name: "machine", hostPath: { path: directory, type: "Directory" } },
        { name: "scratch", emptyDir: {} },
      ],
      terminationGracePeriodSeconds: 35,
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    },
  };
}
