/** Validation of webhooks: names, rules, what they do besides, and where they are. */
import {
  type DeepReadonly,
  dns1035LabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../../validation/metadata.ts";
import { fullyQualifiedName, portNumber, supported, wrong } from "../../../validation/values.ts";
import { failurePolicies, matchPolicies, validateConditions, validateRule } from "../match-validation.ts";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ServiceReference,
  ValidatingWebhookConfiguration,
  WebhookClientConfig,
} from "../types.ts";

const { invalid, required, notSupported, duplicate } = fieldErrors;
const versions = ["v1", "v1beta1"];
const effects = ["None", "NoneOnDryRun"];

export function validateWebhooks(
  configuration: DeepReadonly<MutatingWebhookConfiguration | ValidatingWebhookConfiguration>,
): FieldError[] {
  const names = new Set<string>();
  return (configuration.webhooks ?? []).flatMap((hook, index) => {
    const here = `webhooks[${index}]`;
    const errors = validateWebhook(hook, here);
    errors.push(...validateVersions(hook.admissionReviewVersions, `${here}.admissionReviewVersions`));
    if (hook.name !== "" && names.has(hook.name)) errors.push(duplicate(`${here}.name`, hook.name));
    names.add(hook.name);
    return errors;
  });
}

function validateWebhook(
  hook: DeepReadonly<Omit<MutatingWebhook, "sideEffects"> & { sideEffects?: string | undefined }>,
  path: string,
): FieldError[] {
  const errors = fullyQualifiedName(hook.name, `${path}.name`);
  for (const [index, rule] of (hook.rules ?? []).entries())
    errors.push(...validateRule(rule, `${path}.rules[${index}]`));
  errors.push(...supported(hook.failurePolicy, failurePolicies, `${path}.failurePolicy`));
  errors.push(...supported(hook.matchPolicy, matchPolicies, `${path}.matchPolicy`));
  const field = `${path}.sideEffects`;
  if (hook.sideEffects === undefined) errors.push(required(field, `must specify one of ${effects.join(", ")}`));
  else if (!effects.includes(hook.sideEffects)) errors.push(notSupported(field, hook.sideEffects, effects));
  const seconds = hook.timeoutSeconds;
  if (seconds !== undefined && (seconds > 30 || seconds < 1))
    errors.push(invalid(`${path}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds"));
  errors.push(...validateLabelSelector(hook.namespaceSelector, `${path}.namespaceSelector`));
  errors.push(...validateLabelSelector(hook.objectSelector, `${path}.objectSelector`));
  errors.push(...supported(hook.reinvocationPolicy, ["IfNeeded", "Never"], `${path}.reinvocationPolicy`));
  errors.push(...validateClient(hook.clientConfig, `${path}.clientConfig`));
  return [...errors, ...validateConditions(hook.matchConditions ?? [], `${path}.matchConditions`)];
}

/** Also of what custom resources are converted by. */
export function validateClient({ url, service }: DeepReadonly<WebhookClientConfig>, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined))
    return [required(path, "exactly one of url or service is required")];
  if (service !== undefined) return validateService(service, `${path}.service`);
  return url === undefined ? [] : validateUrl(url, `${path}.url`);
}

const form = "desired format: https://host[/path]";

/** Reads it as Go's `net/url` does, which takes nearly everything for an address: without a scheme it is a path. */
function validateUrl(url: string, field: string): FieldError[] {
  const problem = urlProblem(url);
  if (problem !== undefined)
    return [required(field, `url must be a valid URL: parse ${JSON.stringify(url)}: ${problem}; ${form}`)];
  const [, scheme = "", authority = "", query = "", fragment = ""] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [];
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== "https")
    errors.push(invalid(field, scheme.toLowerCase(), `'https' is the only allowed URL scheme; ${form}`));
  if (host === "") errors.push(invalid(field, host, `host must be specified; ${form}`));
  if (at >= 0) errors.push(invalid(field, authority.slice(0, at), "user information is not permitted in the URL"));
  if (fragment !== "") errors.push(invalid(field, fragment, "fragments are not permitted in the URL"));
  if (query !== "") errors.push(invalid(field, query, "query parameters are not permitted in the URL"));
  return errors;
}

function urlProblem(url: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- exactly these are what Go refuses
  if (/[\u0000-\u001f\u007f]/.test(url)) return "net/url: invalid control character in URL";
  const escape = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(url);
  if (escape) return `invalid URL escape ${JSON.stringify(escape[0])}`;
  if (url.startsWith(":")) return "missing protocol scheme";
  const [first = ""] = url.split("/");
  const hasScheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.test(url);
  if (!hasScheme && first.includes(":")) return "first path segment in URL cannot contain colon";
  const host = /^(?:[^:]*:)?\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
  if (/[ "<>\\^`{|}]/.test(host))
    return `invalid character ${JSON.stringify(/[ "<>\\^`{|}]/.exec(host)?.[0])} in host name`;
  const port = /:([^\]:]*)$/.exec(host)?.[1];
  return port !== undefined && !/^\d*$/.test(port)
    ? `invalid port ${JSON.stringify(`:${port}`)} after host`
    : undefined;
}

function validateService({ name, namespace, path, port }: DeepReadonly<ServiceReference>, here: string): FieldError[] {
  const errors: FieldError[] = [];
  // Kubernetes passes the two the wrong way round, so each is missed under the other's name.
  if (namespace === "") errors.push(required(`${here}.name`));
  if (name === "") errors.push(required(`${here}.namespace`));
  if (port !== undefined && portNumber(port, here).length > 0)
    errors.push(invalid(`${here}.port`, port, "port is not valid: must be between 1 and 65535, inclusive"));
  if (path === undefined || path === "/" || path === "") return errors;
  const field = `${here}.path`;
  if (!path.startsWith("/")) errors.push(invalid(field, path, "must start with a '/'"));
  // As Kubernetes counts them: after the first character, whatever it is, and without a slash at the end.
  const steps = path.slice(1).replace(/\/$/, "").split("/");
  for (const [index, step] of steps.entries()) {
    const wrongs = step === "" ? [" may not be empty"] : dnsSubdomainErrors(step).map((words) => `: ${words}`);
    for (const words of wrongs) errors.push(invalid(field, path, `segment[${index}]${words}`));
  }
  return errors;
}

function validateVersions(given: readonly string[], path: string): FieldError[] {
  if (given.length === 0) return [required(path, `must specify one of ${versions.join(", ")}`)];
  const errors = given.flatMap((version, index) =>
    given.indexOf(version) < index
      ? [invalid(`${path}[${index}]`, version, "duplicate version")]
      : wrong(`${path}[${index}]`, version, dns1035LabelErrors(version)),
  );
  return given.some((version) => versions.includes(version))
    ? errors
    : [...errors, invalid(path, given, `must include at least one of ${versions.join(", ")}`)];
}
