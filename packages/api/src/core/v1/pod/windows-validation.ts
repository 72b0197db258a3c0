/** Validation of what concerns Windows: its security options, host processes, and fields one operating system does not have. */
import { type DeepReadonly, dnsSubdomainErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { wrong } from "../../../validation/values.ts";
import type { Container, PodSpec, WindowsSecurityContextOptions } from "../types.ts";
import { eachContainer } from "./each-container.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const domainShape = `^${label}(?:\\.${label})*$`;
const mostSpec = 64 * 1024;

export function windowsOptions(
  options: DeepReadonly<WindowsSecurityContextOptions> | undefined,
  path: string,
): FieldError[] {
  if (options === undefined) return [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  const errors: FieldError[] = [];
  if (name !== undefined) errors.push(...wrong(`${path}.gmsaCredentialSpecName`, name, dnsSubdomainErrors(name)));
  if (spec !== undefined) {
    const field = `${path}.gmsaCredentialSpec`;
    if (spec.length === 0) errors.push(invalid(field, spec, "gmsaCredentialSpec cannot be an empty string"));
    else if (spec.length > mostSpec) errors.push(invalid(field, spec, `gmsaCredentialSpec size must be under 64 KiB`));
  }
  return user === undefined ? errors : [...errors, ...userName(user, `${path}.runAsUserName`)];
}

function userName(user: string, field: string): FieldError[] {
  const problem = (detail: string): FieldError[] => [invalid(field, user, detail)];
  if (user.length === 0) return problem("runAsUserName cannot be an empty string");
  if ([...user].some((letter) => letter < " " || letter === "\x7f"))
    return problem("runAsUserName cannot contain control characters");
  const parts = user.split("\\");
  if (parts.length > 2) return problem("runAsUserName cannot contain more than one backslash");
  const [domain, name = ""] = parts.length === 2 ? parts : [undefined, user];
  return [...domainProblems(domain), ...nameProblems(name)].map((detail) => invalid(field, user, detail));
}

function domainProblems(domain: string | undefined): string[] {
  if (domain === undefined) return [];
  const isNetBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/.test(domain);
  return [
    ...(domain.length >= 256 ? ["runAsUserName's Domain length must be under 256 characters"] : []),
    ...(isNetBios || new RegExp(domainShape).test(domain)
      ? []
      : ["runAsUserName's Domain doesn't match the NetBios nor the DNS format"]),
  ];
}

function nameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length === 0) problems.push("runAsUserName's User cannot be empty");
  else if (name.length > 104) problems.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(name)) problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(name))
    problems.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  return problems;
}

/** All containers of a pod are host processes, or none is; such a pod is in the host's network. */
export function validateHostProcess(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const pod = spec.securityContext?.windowsOptions?.hostProcess;
  const errors: FieldError[] = [];
  let [with_, without] = [0, 0];
  eachContainer(spec, path, (container, here) => {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (pod !== undefined && own !== undefined && own !== pod) {
      const words = `pod hostProcess value must be identical if both are specified, was ${pod}`;
      errors.push(invalid(`${here}.securityContext.windowsOptions.hostProcess`, own, words));
    }
    if (own ?? pod ?? false) with_ += 1;
    else without += 1;
  });
  if (with_ === 0) return errors;
  if (without > 0)
    errors.push(
      invalid(
        path,
        "",
        "If pod contains any hostProcess containers then all containers must be HostProcess containers",
      ),
    );
  if (spec.hostNetwork !== true)
    errors.push(
      invalid(
        `${path}.hostNetwork`,
        spec.hostNetwork ?? false,
        "hostNetwork must be true if pod contains any hostProcess containers",
      ),
    );
  return errors;
}

const notWindows = "cannot be set for a windows pod";
const podOnly = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
const containerOnly = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

export function validateOs(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const { os } = spec;
  if (os === undefined) return [];
  if (os.name === "") return [required(`${path}.os.name`, "cannot be empty")];
  if (os.name !== "linux" && os.name !== "windows") return [notSupported(`${path}.os`, os.name, ["linux", "windows"])];
  return os.name === "linux" ? forLinux(spec, path) : forWindows(spec, path);
}

function forLinux(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const words = "windows options cannot be set for a linux pod";
  const errors: FieldError[] = [];
  if (spec.securityContext?.windowsOptions !== undefined)
    errors.push(forbidden(`${path}.securityContext.windowsOptions`, words));
  eachContainer(spec, path, (container: DeepReadonly<Container>, here) => {
    if (container.securityContext?.windowsOptions !== undefined)
      errors.push(forbidden(`${here}.securityContext.windowsOptions`, words));
  });
  return errors;
}

function forWindows(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const context = spec.securityContext ?? {};
  const refuse = (field: string): void => void errors.push(forbidden(field, notWindows));
  for (const name of podOnly) {
    const value = context[name];
    if (value !== undefined && !(name === "sysctls" && (context.sysctls ?? []).length === 0))
      refuse(`${path}.securityContext.${name}`);
    if (name !== "seLinuxOptions") continue;
    if (spec.hostUsers !== undefined) refuse(`${path}.hostUsers`);
    if (spec.hostPID === true) refuse(`${path}.hostPID`);
    if (spec.hostIPC === true) refuse(`${path}.hostIPC`);
  }
  if (spec.shareProcessNamespace !== undefined) refuse(`${path}.shareProcessNamespace`);
  eachContainer(spec, path, (container, here) => {
    for (const name of containerOnly)
      if (container.securityContext?.[name] !== undefined) refuse(`${here}.securityContext.${name}`);
  });
  return errors;
}
