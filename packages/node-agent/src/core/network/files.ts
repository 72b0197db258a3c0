// The two files that give a pod its names: /etc/resolv.conf by dnsPolicy, and /etc/hosts. Text in, text out.
import type { HostAlias, PodDNSConfig } from "@coxswain/api/core/v1";

export interface ResolverSettings {
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** The machine's own resolv.conf. */
  readonly hostResolvConf: string;
}

export interface PodDns {
  readonly policy: string;
  readonly hostNetwork: boolean;
  readonly namespace: string;
  readonly config: PodDNSConfig | undefined;
}

interface Resolver {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** glibc reads three name servers; more are dropped, as by the kubelet. */
const mostNameservers = 3;
const mostSearches = 32;

export function resolvConf(dns: PodDns, settings: ResolverSettings): string {
  const base = baseResolver(dns, settings);
  const options = new Map(base.options.map((option) => [option.split(":")[0] ?? option, option]));
  for (const option of dns.config?.options ?? []) {
    if (option.name) options.set(option.name, option.value ? `${option.name}:${option.value}` : option.name);
  }
  return render({
    nameservers: unique([...base.nameservers, ...(dns.config?.nameservers ?? [])]).slice(0, mostNameservers),
    searches: unique([...base.searches, ...(dns.config?.searches ?? [])]).slice(0, mostSearches),
    options: [...options.values()],
  });
}

function baseResolver(dns: PodDns, settings: ResolverSettings): Resolver {
  const host = parseResolvConf(settings.hostResolvConf);
  if (dns.policy === "None") return { nameservers: [], searches: [], options: [] };
  const clusterFirst = dns.policy === "ClusterFirstWithHostNet" || (dns.policy !== "Default" && !dns.hostNetwork);
  if (!clusterFirst || settings.clusterDns.length === 0) return host;
  const domain = settings.clusterDomain;
  return {
    nameservers: settings.clusterDns,
    searches: [`${dns.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches],
    options: ["ndots:5"],
  };
}

export function parseResolvConf(text: string): Resolver {
  const words = text.split("\n").map((line) =>
    line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/),
  );
  const of = (keyword: string): string[] =>
    words.filter((line) => line[0] === keyword).flatMap((line) => line.slice(1));
  return {
    nameservers: of("nameserver"),
    searches: words.findLast((line) => line[0] === "search")?.slice(1) ?? [],
    options: of("options"),
  };
}

function render(resolver: Resolver): string {
  return [
    ...(resolver.searches.length > 0 ? [`search ${resolver.searches.join(" ")}`] : []),
    ...resolver.nameservers.map((server) => `nameserver ${server}`),
    ...(resolver.options.length > 0 ? [`options ${resolver.options.join(" ")}`] : []),
    "",
  ].join("\n");
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

export function hostsFile(pod: {
  /** The machine's own file, of a pod on the machine's network. */
  readonly hostFile: string | undefined;
  readonly ip: string;
  readonly hostname: string;
  readonly fqdn: string | undefined;
  readonly aliases: readonly HostAlias[];
}): string {
  const names = pod.fqdn === undefined ? [pod.hostname] : [pod.fqdn, pod.hostname];
  const aliases = pod.aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join("\t")}`);
  const added = aliases.length > 0 ? ["", "# Entries added by HostAliases.", ...aliases] : [];
  if (pod.hostFile !== undefined)
    return ["# Kubernetes-managed hosts file (host network).", pod.hostFile.trimEnd(), ...added, ""].join("\n");
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    `${pod.ip}\t${names.join("\t")}`,
    ...added,
    "",
  ].join("\n");
}
