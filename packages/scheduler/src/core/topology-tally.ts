// Numbers by topology: for each key ("topology.kubernetes.io/zone") and value ("a") how many. Numbers that fall to zero go.
import type { NodeState } from "./node-state.ts";

export class TopologyTally {
  readonly #counts = new Map<string, Map<string, number>>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  keys(): Iterable<string> {
    return this.#counts.keys();
  }

  add(node: NodeState, topologyKey: string, amount: number): void {
    const value = node.labels[topologyKey];
    if (value === undefined || amount === 0) return;
    let counts = this.#counts.get(topologyKey);
    if (counts === undefined) this.#counts.set(topologyKey, (counts = new Map()));
    const now = (counts.get(value) ?? 0) + amount;
    if (now !== 0) counts.set(value, now);
    else {
      counts.delete(value);
      if (counts.size === 0) this.#counts.delete(topologyKey);
    }
  }

  at(node: NodeState, topologyKey: string): number {
    const value = node.labels[topologyKey];
    return value === undefined ? 0 : (this.#counts.get(topologyKey)?.get(value) ?? 0);
  }

  /** Over all keys. */
  sumAt(node: NodeState): number {
    let sum = 0;
    for (const [key, counts] of this.#counts) {
      const value = node.labels[key];
      if (value !== undefined) sum += counts.get(value) ?? 0;
    }
    return sum;
  }

  /** A key under which the node's value has a number. */
  keyAt(node: NodeState): string | undefined {
    for (const [key, counts] of this.#counts) {
      const value = node.labels[key];
      if (value !== undefined && (counts.get(value) ?? 0) > 0) return key;
    }
    return undefined;
  }
}
