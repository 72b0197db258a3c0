// The name servers that a resolver's file names, without those that would lead a question back to us.

/** IPv4 and IPv6 addresses in order; `own` are addresses that we answer on ourselves. */
export function upstreamServers(text: string, own: readonly string[]): readonly string[] {
  return text
    .split("\n")
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .filter((server) => server !== undefined)
    .filter((server) => !own.includes(server));
}
