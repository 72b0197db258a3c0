// etcd's simple tokens: a random word and the index of the log entry that made it. Every member learns of them through the log, each
// keeps their time by itself, and a restart forgets them: clients then authenticate again. Not signed: for TLS only.

interface Held {
  readonly user: string;
  expiresAtMs: number;
}

export class SimpleTokens {
  readonly #ttlMs: number;
  /** In the order in which they run out: a token that is used goes to the end. */
  readonly #held = new Map<string, Held>();

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#held.size;
  }

  assign(token: string, user: string, nowMs: number): void {
    for (const [old, { expiresAtMs }] of this.#held) {
      if (expiresAtMs > nowMs) break;
      this.#held.delete(old);
    }
    this.#held.set(token, { user, expiresAtMs: nowMs + this.#ttlMs });
  }

  /** Whose token it is; its time begins again. */
  userOf(token: string, nowMs: number): string | undefined {
    const held = this.#held.get(token);
    this.#held.delete(token);
    if (!held || held.expiresAtMs <= nowMs) return undefined;
    held.expiresAtMs = nowMs + this.#ttlMs;
    this.#held.set(token, held);
    return held.user;
  }

  logOut(user: string): void {
    for (const [token, held] of this.#held) if (held.user === user) this.#held.delete(token);
  }

  clear(): void {
    this.#held.clear();
  }
}

/** The log entry a simple token speaks of; undefined where it is none. */
export function tokenIndex(token: string): number | undefined {
  const index = /^[^.]+\.(\d{1,15})$/.exec(token)?.[1];
  return index === undefined ? undefined : Number(index);
}
