// Why a service does not answer: pods it does not select, endpoints that are out and why, ports that no container has, and machines whose
// rules are older than its endpoints.
import { list, num, part, str, texts } from "../describe/page.ts";
import type { Part } from "../describe/page.ts";
import type { Obj } from "../resource/api.ts";
import type { Answer, Cause } from "./answer.ts";
import type { Facts } from "./facts.ts";
import { eventCause } from "./pod.ts";
import { podsOf, troubledPods } from "./workload.ts";

type Found = Omit<Answer, "object" | "namespace">;

/** What a node's proxy writes on its lease: up to which revision of endpoints its rules are in force. */
const programmed = "coxswain.io/endpoints-programmed";

export async function whyService(facts: Facts, service: Obj): Promise<Found> {
  const spec = part(service["spec"]);
  const { name, namespace } = service.metadata;
  if (spec["type"] === "ExternalName")
    return { state: `is another name of ${str(spec["externalName"])}`, trouble: false, because: [], fixes: [] };
  const slices = await facts.list("endpointslices", namespace, { labelSelector: `kubernetes.io/service-name=${name}` });
  const endpoints = slices.flatMap((slice) => list(slice["endpoints"]));
  const ready = endpoints.filter((each) => part(each["conditions"])["ready"] !== false);
  const because: Cause[] = [];
  const fixes: string[] = [];
  if (Object.keys(part(spec["selector"])).length === 0) {
    if (endpoints.length === 0)
      because.push({
        object: "selector",
        says: "there is none, and nobody has written endpoints by hand",
        source: "spec.selector",
      });
  } else {
    const pods = await podsOf(facts, service);
    if (pods.length === 0) {
      const selector = Object.entries(part(spec["selector"]))
        .map(([key, value]) => `${key}=${str(value)}`)
        .join(",");
      because.push({ object: "selector", says: `no pod has ${selector}`, source: "spec.selector" });
      fixes.push(`compare with: cox get pods -n ${namespace} --show-labels`);
    }
    because.push(...missingPorts(service, pods));
    const troubled = await troubledPods(facts, pods);
    because.push(...troubled.causes);
    fixes.push(...troubled.fixes);
  }
  because.push(...endpointsOut(endpoints, because));
  because.push(...(await lateNodes(facts, slices)));
  if (spec["type"] === "LoadBalancer" && list(part(part(service["status"])["loadBalancer"])["ingress"]).length === 0) {
    const [event] = await facts.events(service);
    because.push({
      object: "load balancer",
      says: "has no address yet",
      source: "status.loadBalancer",
      because: event === undefined ? [] : [eventCause(event)],
    });
  }
  return {
    state: `has ${ready.length} of ${endpoints.length} endpoints ready`,
    trouble: because.length > 0 || ready.length === 0,
    because,
    fixes,
  };
}

/** Endpoints that are not ready and whose pods have not been told of already. */
function endpointsOut(endpoints: readonly Part[], told: readonly Cause[]): Cause[] {
  return endpoints
    .filter((each) => part(each["conditions"])["ready"] === false)
    .filter((each) => !told.some(({ object }) => object === `pod/${str(part(each["targetRef"])["name"])}`))
    .slice(0, 5)
    .map((each) => ({
      object: `endpoint ${texts(each["addresses"])[0] ?? ""}`,
      says: part(each["conditions"])["terminating"] === true ? "is ending" : "is not ready",
      source: "endpoint slice",
    }));
}

function missingPorts(service: Obj, pods: readonly Obj[]): Cause[] {
  if (pods.length === 0) return [];
  const names = new Set(
    pods.flatMap((pod) => {
      const { containers, initContainers } = part(pod["spec"]);
      return [...list(containers), ...list(initContainers)].flatMap((each) =>
        list(each["ports"]).map((port) => str(port["name"])),
      );
    }),
  );
  return list(part(service["spec"])["ports"])
    .filter((port) => typeof port["targetPort"] === "string" && !names.has(port["targetPort"]))
    .map((port) => ({
      object: `port ${str(port["name"]) || str(port["port"])}`,
      says: `leads to a port called ${str(port["targetPort"])}, and no container of its pods has one`,
      source: "spec.ports",
    }));
}

/** A lease that has not been renewed for so long is nobody's. */
const silentMs = 30_000;

/** Machines whose rules do not know these endpoints though they could: quiet proxies renew their word only every ten seconds. */
async function lateNodes(facts: Facts, slices: readonly Obj[]): Promise<Cause[]> {
  const newest = Math.max(0, ...slices.map(({ metadata }) => num(metadata.resourceVersion)));
  const times = slices.flatMap(({ metadata }) =>
    (metadata.managedFields ?? []).map(({ time }) => Date.parse(time ?? "")),
  );
  const changed = Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
  const found = await facts.list("leases", "kube-node-lease", { labelSelector: "coxswain.io/component=proxy" });
  return found.flatMap(({ metadata, ...lease }) => {
    const revision = num(metadata.annotations?.[programmed]);
    const renewTime = str(part((lease as Obj)["spec"])["renewTime"]);
    const renewed = Date.parse(renewTime);
    const silent = facts.now - renewed > silentMs;
    if (revision >= newest || (!silent && renewed < changed + 1_000)) return [];
    return {
      object: `node/${metadata.name.replace(/^proxy-/, "")}`,
      says: `its rules are of revision ${revision}, the endpoints of ${newest}${silent ? "; its proxy is not heard of" : ""}`,
      source: `lease kube-node-lease/${metadata.name}`,
      since: renewTime || undefined,
    };
  });
}
