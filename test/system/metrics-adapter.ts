// A small API server that answers for custom.metrics.k8s.io and external.metrics.k8s.io behind the apiserver's aggregation, as metrics
// adapters do. It says what a test has put into it, and serves the older version of custom metrics that most adapters serve.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import type { ControlPlane } from "../protocol/control-plane.ts";

export interface MetricsAdapter extends AsyncDisposable {
  /** By "pods/requests", "services/front/load", "queue": the objects' names and what each has. */
  readonly values: Map<string, Readonly<Record<string, string>>>;
}

const groups = ["custom.metrics.k8s.io", "external.metrics.k8s.io"] as const;
const version = "v1beta1";
const name = "metrics-adapter";

/** Resolves when the apiserver passes questions on to it. */
export async function startMetricsAdapter(plane: ControlPlane): Promise<MetricsAdapter> {
  const values: MetricsAdapter["values"] = new Map();
  await plane.pki.ensureControlPlane(name, [`${name}.default.svc`], "10.96.0.1");
  const { cert, key } = plane.pki.files(name, "apiserver");
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://localhost");
    const [, , group = "", , ...place] = pathname.split("/");
    response.setHeader("content-type", "application/json");
    const answer = answerTo(group, place);
    if (answer === undefined) response.statusCode = 404;
    response.end(JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", message: `there is no ${pathname}` }));
  });
  const answerTo = (group: string, place: readonly string[]): unknown => {
    const groupVersion = `${group}/${version}`;
    if (place.length === 0) return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: [] };
    const [, , ...metric] = place.map(decodeURIComponent);
    const found = values.get(metric.filter((part) => part !== "*").join("/"));
    if (found === undefined) return undefined;
    const timestamp = new Date(performance.timeOrigin + performance.now()).toISOString();
    const items = Object.entries(found).map(([object, value]) =>
      group === groups[0]
        ? { describedObject: { name: object }, metricName: metric.at(-1), timestamp, window: 30, value, selector: null }
        : { metricName: metric.at(-1), metricLabels: { object }, timestamp, value },
    );
    const kind = group === groups[0] ? "MetricValueList" : "ExternalMetricValueList";
    return { kind, apiVersion: groupVersion, metadata: {}, items };
  };
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as AddressInfo;
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address;
  const labels = { "kubernetes.io/service-name": name };
  const objects = [
    { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports: [{ port: 443, targetPort: port }] } },
    {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name, labels } },
      ...{ addressType: "IPv4", ports: [{ name: "", port }], endpoints: [{ addresses: [address] }] },
    },
    ...groups.map((group) => ({
      ...{ apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name: `${version}.${group}` } },
      spec: {
        ...{ group, version, groupPriorityMinimum: 100, versionPriority: 100 },
        caBundle: readFileSync(plane.pki.authorityFile("kubernetes-ca")).toString("base64"),
        service: { name, namespace: "default" },
      },
    })),
  ];
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  const names = groups.map((group) => `apiservice/${version}.${group}`);
  await plane.must(["apply", "-f", "-"], list);
  await plane.must(["wait", "--for=condition=Available", "--timeout=60s", ...names]);
  return {
    values,
    async [Symbol.asyncDispose]() {
      await plane.must(["delete", "-f", "-"], list);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
