export { createDockerRuntime } from "./docker/docker-runtime.ts";
export type { DockerRuntimeConfig } from "./docker/docker-runtime.ts";
export { RuntimeError, isRuntimeError } from "./errors.ts";
export type { RuntimeErrorCode } from "./errors.ts";
export { containerName, marks } from "./marks.ts";
export type {
  AttachRequest,
  ContainerConfig,
  ContainerLog,
  ContainerInspection,
  ContainerResources,
  ContainerRuntime,
  ContainerSecurity,
  ContainerState,
  ContainerStats,
  ContainerSummary,
  ExecRequest,
  ImageStatus,
  Labels,
  ListFilter,
  LogChunk,
  LogRequest,
  Mount,
  PullProgress,
  RegistryAuth,
  RuntimeEvent,
  RuntimeVersion,
  SandboxConfig,
  StreamSession,
} from "./runtime.ts";
