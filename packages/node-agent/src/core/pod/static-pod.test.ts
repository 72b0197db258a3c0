// Manifests as pods of this node, and pods as mirrors.
import { expect, test } from "vitest";
import { isMirrorOf, isMirrorPod, mirrorOf, staticPods } from "./static-pod.ts";
import type { ManifestOrigin } from "./static-pod.ts";

const origin: ManifestOrigin = {
  source: "file",
  place: "/manifests/web.yaml",
  nodeName: "here",
  nowMs: 0,
  hash: (text) => `hash of ${text.length}`,
};
const manifest = (spec: object = {}, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", ...metadata },
  spec: { containers: [{ name: "main", image: "web:1" }], ...spec },
});
const only = (document: unknown) => {
  const [result, ...more] = staticPods(document, origin);
  expect(more).toEqual([]);
  if (!result || "error" in result) throw new Error(result?.error ?? "nothing");
  return result.pod;
};

test("a manifest becomes a pod of this node, named after it, that tolerates the node's trouble", () => {
  const pod = only(manifest({}, { annotations: { mine: "yes", "kubernetes.io/config.mirror": "forged" } }));
  expect(pod.metadata).toMatchObject({
    name: "web-here",
    namespace: "default",
    annotations: {
      mine: "yes",
      "kubernetes.io/config.hash": pod.metadata.uid,
      "kubernetes.io/config.source": "file",
      "kubernetes.io/config.seen": "1970-01-01T00:00:00.000000Z",
    },
  });
  expect(isMirrorPod(pod)).toBe(false);
  expect(pod.spec).toMatchObject({
    nodeName: "here",
    restartPolicy: "Always",
    tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    containers: [{ imagePullPolicy: "IfNotPresent", terminationMessagePath: "/dev/termination-log" }],
  });
});

test("a mirror carries the pod's hash and its node, and no identity of its own", () => {
  const pod = only(manifest());
  const mirror = mirrorOf(pod, { name: "here", uid: "node-uid" });
  expect(mirror.metadata).toMatchObject({
    name: "web-here",
    annotations: { "kubernetes.io/config.mirror": pod.metadata.uid },
    ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "here", uid: "node-uid", controller: true }],
  });
  expect([mirror.metadata.uid, mirror.status, isMirrorPod(mirror), isMirrorOf(mirror, pod)]).toEqual([
    undefined,
    undefined,
    true,
    true,
  ]);
  const other = only(manifest({ hostNetwork: true }));
  expect(isMirrorOf(mirror, other)).toBe(false);
});

test("the items of a list are pods one by one, and one that is wrong keeps none of the others", () => {
  const list = { apiVersion: "v1", kind: "PodList", items: [{ metadata: { name: "a" }, spec: manifest().spec }, 7] };
  expect(staticPods(list, origin).map((result) => ("pod" in result ? result.pod.metadata.name : result.error))).toEqual(
    ["a-here", "the manifest is not an object"],
  );
});

test.each([
  ["another kind", { ...manifest(), kind: "Service" }, 'expected a Pod of v1, found "Service" of "v1"'],
  ["a wrong type", manifest({ containers: "none" }), "json: cannot unmarshal string into Go struct field"],
  ["no name", manifest({}, { name: "" }), "metadata.name: Required value: name or generateName is required"],
  ["no container", manifest({ containers: [] }), "spec.containers: Required value"],
  ["a service account", manifest({ serviceAccountName: "x" }), "static pods can not reference serviceaccounts"],
  ["a pull secret", manifest({ imagePullSecrets: [{ name: "x" }] }), "static pods can not reference secrets"],
  [
    "a ConfigMap in the environment",
    manifest({ containers: [{ name: "main", image: "web:1", envFrom: [{ configMapRef: { name: "x" } }] }] }),
    "static pods can not reference configmaps",
  ],
  [
    "a claim",
    manifest({ volumes: [{ name: "v", persistentVolumeClaim: { claimName: "x" } }] }),
    "static pods can not reference persistentvolumeclaims",
  ],
  ["a path for a name", manifest({}, { name: "../../etc" }), "metadata.name: Invalid value"],
])("%s is refused", (_, document, words) => {
  const [result] = staticPods(document, origin);
  expect(result && "error" in result ? result.error : "accepted").toContain(words);
});
