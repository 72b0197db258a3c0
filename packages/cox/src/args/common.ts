// Flags that many commands share, in kubectl's names and words. Values only.
import type { Flag, Flags } from "./flags.ts";

type Rest = Omit<Partial<Flag>, "type" | "help">;
export const text = (help: string, rest: Rest = {}): Flag => ({ type: "text", help, ...rest });
export const bool = (help: string, rest: Rest = {}): Flag => ({ type: "bool", help, ...rest });
export const number = (help: string, rest: Rest = {}): Flag => ({ type: "number", help, ...rest });
export const duration = (help: string, rest: Rest = {}): Flag => ({ type: "duration", help, ...rest });
export const slice = (help: string, rest: Rest = {}): Flag => ({ type: "slice", help, ...rest });
export const array = (help: string, rest: Rest = {}): Flag => ({ type: "array", help, ...rest });

/** Every command takes these; they say which cluster, as whom. */
export const globalFlags: Flags = {
  kubeconfig: text("Path to the kubeconfig file to use for CLI requests."),
  context: text("The name of the kubeconfig context to use"),
  cluster: text("The name of the kubeconfig cluster to use"),
  user: text("The name of the kubeconfig user to use"),
  namespace: text("If present, the namespace scope for this CLI request", { short: "n" }),
  server: text("The address and port of the Kubernetes API server", { short: "s" }),
  token: text("Bearer token for authentication to the API server"),
  as: text("Username to impersonate for the operation."),
  "as-group": array("Group to impersonate for the operation, this flag can be repeated to specify multiple groups."),
  "as-uid": text("UID to impersonate for the operation."),
  "certificate-authority": text("Path to a cert file for the certificate authority"),
  "client-certificate": text("Path to a client certificate file for TLS"),
  "client-key": text("Path to a client key file for TLS"),
  "insecure-skip-tls-verify": bool("If true, the server's certificate will not be checked for validity."),
  "tls-server-name": text("Server name to use for server certificate validation."),
  "request-timeout": text("The length of time to wait before giving up on a single server request.", { default: "0" }),
  "cache-dir": text("Where what the server offers is remembered; empty asks each time"),
  "warnings-as-errors": bool("Treat warnings received from the server as errors and exit with a non-zero exit code"),
  username: text("Username for basic authentication to the API server"),
  password: text("Password for basic authentication to the API server"),
  "match-server-version": bool("Require server version to match client version", {
    fixed: "cox has a version of its own; cox version shows both",
  }),
  "disable-compression": bool("If true, opt-out of response compression for all requests to the server", {
    default: "true",
    fixed: "cox asks for no compression",
  }),
  profile: text("Name of profile to capture.", {
    default: "none",
    fixed: "node --cpu-prof makes profiles of cox",
  }),
  "profile-output": text("Name of the file to write the profile to", {
    default: "profile.pprof",
    fixed: "node --cpu-prof makes profiles of cox",
  }),
  "log-flush-frequency": duration("Maximum number of seconds between log flushes", {
    default: "5s",
    fixed: "what -v shows is written at once",
  }),
  vmodule: text("comma-separated list of pattern=N settings for file-filtered logging", {
    fixed: "-v sets what is shown",
  }),
  v: number("Print requests (6) and their bodies (8) on standard error", { short: "v" }),
  help: bool("Print the help of the command", { short: "h" }),
};

export const filenameFlags: Flags = {
  filename: slice("Filename, directory, or URL to files to use", { short: "f" }),
  kustomize: text("Process the kustomization directory. This flag can't be used together with -f or -R.", {
    short: "k",
  }),
  recursive: bool("Process the directory used in -f, --filename recursively.", { short: "R" }),
};

/** Of commands that read folders to the bottom unless told otherwise. */
export const deepFilenameFlags: Flags = {
  ...filenameFlags,
  recursive: { ...filenameFlags["recursive"]!, default: "true" },
};

export const selectorFlag: Flags = {
  selector: text("Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.", { short: "l" }),
};

export const fieldSelectorFlag: Flags = {
  "field-selector": text("Selector (field query) to filter on, supports '=', '==', and '!='."),
};

export const allNamespacesFlag: Flags = {
  "all-namespaces": bool("If present, list the requested object(s) across all namespaces.", { short: "A" }),
};

export const allFlag: Flags = { all: bool("Select all resources in the namespace of the specified resource types.") };

export const outputFlags: Flags = {
  output: text(
    "Output format. One of: (json, yaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file).",
    { short: "o" },
  ),
  template: text("Template string or path to template file to use when -o=go-template, -o=go-template-file."),
  "allow-missing-template-keys": bool("If true, ignore errors when a field or map key is missing in the template.", {
    default: "true",
  }),
  "show-managed-fields": bool("If true, keep the managedFields when printing objects in JSON or YAML format."),
};

export const dryRunFlag: Flags = {
  "dry-run": text('Must be "none", "server", or "client".', { default: "none", bare: "unchanged" }),
};

export const fieldManagerFlag = (manager: string): Flags => ({
  "field-manager": text("Name of the manager used to track field ownership.", { default: manager }),
});

export const validateFlag: Flags = {
  validate: text("Must be one of: strict (or true), warn, ignore (or false).", { default: "strict", bare: "strict" }),
};

export const lineEndingsFlag: Flags = {
  "windows-line-endings": bool("Defaults to the line ending native to your platform."),
};

export const localFlag: Flags = { local: bool("If true, the command will NOT contact api-server but run locally.") };

/** What the commands that change existing objects share. */
export const editingFlags = (manager: string): Flags => ({
  ...filenameFlags,
  ...selectorFlag,
  ...fieldSelectorFlag,
  ...allFlag,
  ...allNamespacesFlag,
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag(manager),
  ...localFlag,
});
