// Signed tokens (etcd's --auth-token=jwt): claims `username`, `revision` and `exp`, signed with one method and one key. A member that
// has only the public key can check tokens but not make them. Tokens that were found good are remembered until they run out.
import { createPrivateKey, createPublicKey, createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { StartError } from "@coxswain/daemon";
import { SignJWT, jwtVerify } from "jose";
import type { Caller } from "../../core/auth/permissions.ts";
import type { TokenOptions } from "../../core/auth/token-options.ts";

export interface JwtTokens {
  /** Undefined where there is no key to sign with. */
  readonly sign: ((name: string, revision: number, nowMs: number) => Promise<string>) | undefined;
  /** Whose token it is; undefined when it is not to be believed. */
  verify(token: string, nowMs: number): Promise<Caller | undefined>;
}

/** Verified tokens that are remembered at most. */
const mostRemembered = 10_000;

export async function openJwtTokens(options: Extract<TokenOptions, { kind: "jwt" }>): Promise<JwtTokens> {
  const { signMethod, ttlMs } = options;
  const keys = await readKeys(options);
  const remembered = new Map<string, { readonly caller: Caller; readonly untilMs: number }>();
  const { signing } = keys;
  return {
    sign: signing
      ? (username, revision, nowMs) =>
          new SignJWT({ username, revision })
            .setProtectedHeader({ alg: signMethod, typ: "JWT" })
            .setExpirationTime(Math.floor((nowMs + ttlMs) / 1000))
            .sign(signing)
      : undefined,
    async verify(token, nowMs) {
      const known = remembered.get(token);
      if (known && known.untilMs > nowMs) return known.caller;
      remembered.delete(token);
      const verified = await jwtVerify(token, keys.verifying, {
        algorithms: [signMethod],
        currentDate: new Date(nowMs),
      }).catch(() => undefined);
      const { username, revision, exp } = verified?.payload ?? {};
      if (typeof username !== "string" || typeof revision !== "number") return undefined;
      const caller = { name: username, revision };
      if (remembered.size >= mostRemembered) remembered.clear();
      if (exp !== undefined) remembered.set(token, { caller, untilMs: exp * 1000 });
      return caller;
    },
  };
}

async function readKeys(
  options: Extract<TokenOptions, { kind: "jwt" }>,
): Promise<{ readonly verifying: KeyObject; readonly signing: KeyObject | undefined }> {
  const { privateKeyFile, publicKeyFile, signMethod } = options;
  const secret = privateKeyFile ? await read(privateKeyFile) : undefined;
  if (secret && signMethod.startsWith("HS")) {
    const key = createSecretKey(secret);
    return { verifying: key, signing: key };
  }
  const signing = secret ? parsed(privateKeyFile, () => createPrivateKey(secret)) : undefined;
  const shown = publicKeyFile ? await read(publicKeyFile) : undefined;
  const given = shown ? parsed(publicKeyFile, () => createPublicKey(shown)) : undefined;
  const own = signing ? createPublicKey(signing) : undefined;
  // Keys of different types are not compared: OpenSSL would remember the failure and report it to the next caller.
  const same =
    own?.asymmetricKeyType === given?.asymmetricKeyType && given !== undefined && own?.equals(given) === true;
  if (own && given && !same) throw new StartError("auth: public and private keys don't match");
  const verifying = given ?? own;
  if (!verifying) throw new StartError("auth: missing key data");
  const wanted = signMethod === "EdDSA" ? "ed25519" : signMethod.startsWith("ES") ? "ec" : "rsa";
  if (verifying.asymmetricKeyType !== wanted)
    throw new StartError(
      `--auth-token: ${signMethod} needs a key of type ${wanted}, found ${verifying.asymmetricKeyType}`,
    );
  return { verifying, signing };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new StartError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

function parsed(file: string | undefined, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch (cause) {
    throw new StartError(`${file} holds no key that can be used: ${(cause as Error).message}`, { cause });
  }
}
