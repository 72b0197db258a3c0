export { createClient } from "./create-client.ts";
export type { ClientPorts } from "./create-client.ts";
export type { ClientConfig, Pem } from "./config.ts";
export type {
  Client,
  Connection,
  ConnectRequest,
  DeleteOptions,
  ListOptions,
  LogOptions,
  ObjectRef,
  PatchOptions,
  PatchType,
  Query,
  RawRequest,
  RawResponse,
  ResourceClient,
  StreamResponse,
  Upgraded,
  UpgradeRequest,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
export type { DiscoveredResource, Discovery } from "./discovery.ts";
export { isAlreadyExists, isConflict, isForbidden, isGone, isInvalid, isNotFound } from "@coxswain/apimachinery";
export { ClientError, isOutcomeUnknown, isTooManyRequests } from "./errors.ts";
export type { ClientErrorCode } from "./errors.ts";
export { withToken } from "./with-token.ts";
export type { TokenSource } from "./with-token.ts";
export { loadKubeconfig } from "./kubeconfig/load.ts";
export type { KubeconfigOptions } from "./kubeconfig/load.ts";
export type { PluginHost } from "./kubeconfig/exec-plugin.ts";
