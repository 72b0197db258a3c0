/** What each subresource is asked with and answers, for the documents. */
import type { ResourceInfo } from "../resource-info.ts";
import type { Action } from "./operation.ts";

export interface Subresource {
  /** What follows the kind in the names of its operations. */
  readonly suffix: string;
  /** The kind that its operations speak of; the resource's own where left out. */
  readonly type?: { readonly schema: string; readonly group: string; readonly version: string; readonly kind: string };
  readonly methods: readonly Action["method"][];
  /** A stream to somewhere else, which any method may ask for. */
  readonly connects?: {
    readonly kind: string;
    readonly parameters: readonly string[];
    /** Also under any path below. */
    readonly takesPath?: boolean;
  };
  readonly parameters?: readonly string[];
  /** Answered with text. */
  readonly isText?: boolean;
}

const streams = ["container", "stdin", "stdout", "stderr", "tty"];
const anyMethod: readonly Action["method"][] = ["get", "post", "put", "patch", "delete", "head", "options"];
const written: Readonly<Record<string, Subresource>> = {
  status: { suffix: "Status", methods: ["get", "put", "patch"] },
  scale: {
    suffix: "Scale",
    methods: ["get", "put", "patch"],
    type: { schema: "autoscaling/v1.Scale", group: "autoscaling", version: "v1", kind: "Scale" },
  },
  approval: { suffix: "Approval", methods: ["get", "put", "patch"] },
  ephemeralcontainers: { suffix: "Ephemeralcontainers", methods: ["get", "put", "patch"] },
  resize: { suffix: "Resize", methods: ["get", "put", "patch"] },
  finalize: { suffix: "Finalize", methods: ["put"] },
  binding: {
    suffix: "Binding",
    methods: ["post"],
    type: { schema: "core/v1.Binding", group: "", version: "v1", kind: "Binding" },
  },
  eviction: {
    suffix: "Eviction",
    methods: ["post"],
    type: { schema: "policy/v1.Eviction", group: "policy", version: "v1", kind: "Eviction" },
  },
  token: {
    suffix: "Token",
    methods: ["post"],
    type: {
      schema: "authentication/v1.TokenRequest",
      group: "authentication.k8s.io",
      version: "v1",
      kind: "TokenRequest",
    },
  },
  log: {
    suffix: "Log",
    methods: ["get"],
    isText: true,
    parameters: [
      "container",
      "follow",
      "insecureSkipTLSVerifyBackend",
      "limitBytes",
      "previous",
      "sinceSeconds",
      "stream",
      "tailLines",
      "timestamps",
    ],
  },
  attach: {
    suffix: "Attach",
    methods: ["get", "post"],
    connects: { kind: "PodAttachOptions", parameters: streams },
  },
  exec: {
    suffix: "Exec",
    methods: ["get", "post"],
    connects: { kind: "PodExecOptions", parameters: ["command", ...streams] },
  },
  portforward: {
    suffix: "Portforward",
    methods: ["get", "post"],
    connects: { kind: "PodPortForwardOptions", parameters: ["ports"] },
  },
};

/** Undefined for one that the documents do not tell of. */
export function subresourceOf(info: ResourceInfo, name: string): Subresource | undefined {
  if (name !== "proxy") return written[name];
  return {
    suffix: "Proxy",
    methods: anyMethod,
    connects: { kind: `${info.kind}ProxyOptions`, parameters: ["path"], takesPath: true },
  };
}
