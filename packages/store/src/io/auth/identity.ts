// Who calls: the token in the call's metadata, else the common name of a client certificate where those are asked for. Gives out what
// stands for a user whose password was right: a word that all members learn through the log, or a signed token.
import type { Clock, Random } from "@coxswain/clock";
import type { Caller } from "../../core/auth/permissions.ts";
import { tokenIndex } from "../../core/auth/simple-tokens.ts";
import type { SimpleTokens } from "../../core/auth/simple-tokens.ts";
import type { AuthState } from "../../core/auth/state.ts";
import { etcdError } from "../rpc/errors.ts";
import type { Identity } from "../rpc/ports.ts";
import type { JwtTokens } from "./jwt.ts";
import type { Passwords } from "./passwords.ts";

export interface IdentityPorts {
  readonly auth: () => AuthState;
  readonly tokens: SimpleTokens;
  readonly appliedIndex: () => number;
  /** Resolves when the state here is as new as the cluster's. */
  readonly linearize: () => Promise<void>;
  /** Undefined: simple tokens. */
  readonly jwt: JwtTokens | undefined;
  readonly passwords: Passwords;
  /** Whether a client certificate speaks for its bearer (etcd: --client-cert-auth). */
  readonly certificates: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

const wordLetters = 16;

export function createIdentity(ports: IdentityPorts): Identity {
  const { clock, tokens, jwt } = ports;
  const simple = async (token: string): Promise<Caller | undefined> => {
    const index = tokenIndex(token);
    if (index === undefined) return undefined;
    // Another member may have given it out a moment ago.
    if (index > ports.appliedIndex()) await ports.linearize();
    const name = tokens.userOf(token, clock.monotonic());
    return name === undefined ? undefined : { name, revision: ports.auth().revision };
  };
  return {
    passwords: ports.passwords,
    async callerOf({ metadata, peer }) {
      const token = metadata["token"] ?? metadata.authorization;
      if (typeof token === "string") {
        const caller = await (jwt ? jwt.verify(token, clock.now()) : simple(token));
        if (!caller) throw etcdError("invalidAuthToken");
        return caller;
      }
      // A gateway's certificate is the gateway's, whoever asks through it.
      if (!ports.certificates || metadata["grpcgateway-accept"] !== undefined || peer.commonName === undefined)
        return undefined;
      return { name: peer.commonName, revision: ports.auth().revision };
    },
    newWord: () => (jwt ? "" : word(ports.random)),
    async tokenFor(name, { token, authRevision }) {
      if (!jwt) return token;
      if (!jwt.sign) throw etcdError("verifyOnly");
      return jwt.sign(name, authRevision, clock.now());
    },
  };
}

function word(random: Random): string {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  // 5 bytes for a letter: the remainder favours none that anyone could tell.
  const bytes = Buffer.from(random.bytes(wordLetters * 5));
  return Array.from(
    { length: wordLetters },
    (_, at) => letters[bytes.readUIntBE(at * 5, 5) % letters.length] ?? "a",
  ).join("");
}
