/** Defaults of pods and of the pod specs in templates, as in pkg/apis/core/v1/defaults.go. What only a real pod gets is in defaultPod. */
import type {
  Container,
  EphemeralContainer,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
} from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultVolumes } from "./volume-defaults.ts";
import { roundResources, roundedResources } from "../resource-list.ts";
import { pullPolicyOf } from "./pull-policy.ts";

export function defaultPod(pod: Pod): void {
  if (pod.spec !== undefined) {
    defaultPodSpec(pod.spec);
    fill(pod.spec, { enableServiceLinks: true });
    for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])])
      requestLimits(container.resources);
    if (pod.spec.resources !== undefined) requestLimits(pod.spec.resources);
  }
  const { status } = pod;
  if (status === undefined) return;
  if (status.podIPs?.length) status.podIP = status.podIPs[0]?.ip;
  else if (status.podIP !== undefined && status.podIP !== "") status.podIPs = [{ ip: status.podIP }];
}

/** A template is defaulted like a pod, but its requests stay as they are. */
export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

export function defaultPodSpec(spec: PodSpec): void {
  if (spec.serviceAccountName === undefined && spec.serviceAccount !== undefined)
    spec.serviceAccountName = spec.serviceAccount;
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  fillText(spec, { restartPolicy: "Always", dnsPolicy: "ClusterFirst", schedulerName: "default-scheduler" });
  fill(spec, { terminationGracePeriodSeconds: 30, securityContext: {} });
  defaultVolumes(spec.volumes);
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    defaultContainer(container);
    if (spec.hostNetwork === true) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  if (spec.overhead !== undefined) spec.overhead = roundedResources(spec.overhead);
}

function defaultContainer(container: Container | EphemeralContainer): void {
  fillText(container, {
    imagePullPolicy: pullPolicyOf(container.image ?? ""),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  });
  for (const port of container.ports ?? []) fillText(port, { protocol: "TCP" });
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef !== undefined) fillText(variable.valueFrom.fieldRef, { apiVersion: "v1" });
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    if (probe !== undefined) defaultProbe(probe);
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet !== undefined) fillText(handler.httpGet, { path: "/", scheme: "HTTP" });
  }
  roundResources(container.resources, ["limits", "requests"]);
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet !== undefined) fillText(probe.httpGet, { path: "/", scheme: "HTTP" });
  if (probe.grpc !== undefined) fill(probe.grpc, { service: "" });
}

/** Whoever limits a resource and asks for none asks for the limit. */
function requestLimits(resources: ResourceRequirements | undefined): void {
  if (resources?.limits === undefined) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}
