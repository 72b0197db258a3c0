// Paths, bodies and headers that tests of the verbs share.
import type { TestApi } from "./test-api.ts";

export const pods = "/api/v1/namespaces/default/pods";
export const deployments = "/apis/apps/v1/namespaces/default/deployments";
export const configMaps = "/api/v1/namespaces/default/configmaps";
export const pod = (name: string, more: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, ...more },
  spec: { containers: [{ name: "c", image: "x:1" }] },
});
export const deployment = (replicas: number): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "x:1" }] } },
  },
});
export const merge = { "content-type": "application/merge-patch+json" };
export const apply = { "content-type": "application/apply-patch+yaml" };

/** Caches that begin from now on hear of nothing that happens after. */
export function deafen({ storage }: TestApi): void {
  // eslint-disable-next-line require-yield
  storage.watch = async function* (_from, _to, _after, signal) {
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
}
