// Passwords and signed tokens as etcd makes and takes them.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT, decodeJwt } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { openJwtTokens } from "./jwt.ts";
import { createPasswords } from "./passwords.ts";

const folder = mkdtempSync(join(tmpdir(), "store-auth-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string | Buffer): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("passwords", () => {
  it("are hashed at the cost that is asked for, and known again, Go's hashes as well", async () => {
    const passwords = createPasswords(4);
    const hash = await passwords.hash("pässword");
    expect(hash.toString()).toMatch(/^\$2[ab]\$04\$.{53}$/);
    expect(await passwords.matches("pässword", hash)).toBe(true);
    expect(await passwords.matches("password", hash)).toBe(false);
    // Of golang.org/x/crypto/bcrypt's own tests.
    const go = Buffer.from("$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga");
    expect(await passwords.matches("allmine", go)).toBe(true);
    expect(await passwords.matches("x", Buffer.alloc(0))).toBe(false);
    await passwords.close();
  });
});

describe("signed tokens", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const privateKeyFile = file("key.pem", pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  const publicKeyFile = file("pub.pem", pair.publicKey.export({ type: "spki", format: "pem" }));
  const options = { kind: "jwt", signMethod: "ES256", privateKeyFile, publicKeyFile, ttlMs: 60_000 } as const;
  const nowMs = 1_700_000_000_000;

  it("carry etcd's claims, and are believed until they run out", async () => {
    const tokens = await openJwtTokens(options);
    const token = (await tokens.sign?.("al", 7, nowMs)) ?? "";
    expect(decodeJwt(token)).toEqual({ username: "al", revision: 7, exp: nowMs / 1000 + 60 });
    expect(await tokens.verify(token, nowMs + 59_000)).toEqual({ name: "al", revision: 7 });
    expect(await tokens.verify(token, nowMs + 61_000)).toBeUndefined();
  });

  it("are checked by who has the public key alone, and not made", async () => {
    const token = (await (await openJwtTokens(options)).sign?.("al", 7, nowMs)) ?? "";
    const verifier = await openJwtTokens({ ...options, privateKeyFile: undefined });
    expect(verifier.sign).toBeUndefined();
    expect(await verifier.verify(token, nowMs)).toEqual({ name: "al", revision: 7 });
  });

  it("are not believed of another key, method or shape", async () => {
    const tokens = await openJwtTokens(options);
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const signed = (claims: object, key = pair.privateKey): Promise<string> =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: "ES256" })
        .setExpirationTime(nowMs / 1000 + 60)
        .sign(key);
    const forged = await signed({ username: "root", revision: 7 }, other.privateKey);
    const secret = await new SignJWT({ username: "root", revision: 7 })
      .setProtectedHeader({ alg: "HS256" })
      .sign(Buffer.from(pair.publicKey.export({ type: "spki", format: "pem" })));
    for (const token of [
      forged,
      secret,
      await signed({ username: "root" }),
      await signed({ revision: 7 }),
      "x",
      "a.b.c",
    ])
      expect(await tokens.verify(token, nowMs)).toBeUndefined();
  });

  it("need keys that belong together and fit the method", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const rsaFile = file("rsa.pem", rsa.publicKey.export({ type: "spki", format: "pem" }));
    await expect(openJwtTokens({ ...options, publicKeyFile: rsaFile })).rejects.toThrow("don't match");
    await expect(openJwtTokens({ ...options, signMethod: "RS256" })).rejects.toThrow("RS256 needs a key of type rsa");
    await expect(openJwtTokens({ ...options, privateKeyFile: file("no.pem", "no key") })).rejects.toThrow(
      "holds no key that can be used",
    );
  });
});
