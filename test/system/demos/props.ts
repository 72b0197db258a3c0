// The objects that demos are made of, as values.

export const webImage = "coxswain/demo:1";
export const shellImage = "coxswain/busybox:1";

/** A container of the demo's web server; more fields win. */
export function webContainer(more: object = {}): object {
  const field = (path: string): object => ({ valueFrom: { fieldRef: { fieldPath: path } } });
  return {
    name: "web",
    image: webImage,
    imagePullPolicy: "Never",
    ports: [{ name: "http", containerPort: 8080 }],
    env: [
      { name: "POD_NAME", ...field("metadata.name") },
      { name: "NODE_NAME", ...field("spec.nodeName") },
    ],
    readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 1 },
    resources: { requests: { cpu: "10m", memory: "32Mi" } },
    ...more,
  };
}

export function shellContainer(script: string, more: object = {}): object {
  return {
    name: "main",
    image: shellImage,
    imagePullPolicy: "Never",
    command: ["sh", "-c", `trap 'exit 0' TERM; ${script}`],
    resources: { requests: { cpu: "10m", memory: "8Mi" } },
    ...more,
  };
}

/** For containers that are only there to be entered. */
export const idle = "while :; do sleep 1; done";

export function pod(name: string, containers: readonly object[], spec: object = {}, labels: object = { app: name }) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
  };
}

export function deployment(name: string, replicas: number, containers: readonly object[], spec: object = {}) {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } },
    },
  };
}

export function service(name: string, selector: object, more: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector, ports: [{ port: 80, targetPort: 8080 }], ...more },
  };
}

/** A pod from which questions are asked. */
export function asker(name: string, spec: object = {}) {
  return pod(name, [shellContainer(idle, { image: webImage })], spec);
}

/** For a shell: asks once, prints what the server sends or the word "failed". Not by busybox' wget, which crashes where it stands alone. */
export function get(host: string, port = 80, path = "/"): string {
  return `{ printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${host} ${port} || echo failed; }`;
}

export const onNode = (name: string): object => ({ nodeSelector: { "kubernetes.io/hostname": name } });
