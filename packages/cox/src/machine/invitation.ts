// What a machine needs to be let in: a bootstrap token, the pin of the cluster's authority and, to become a master, the key under which the
// masters' common files are kept in the cluster. Made where a cluster begins, or later by `cox invite`; shown, not stored in plain by others.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Random } from "@coxswain/clock";
import { rfc3339 } from "@coxswain/clock";
import { pinOf, sharedFilesOf } from "./certificates.ts";
import { filesOf } from "./daemons.ts";
import { MachineError } from "./failure.ts";
import { writeWhole } from "./files.ts";

export interface Invitation {
  /** "abcdef.0123456789abcdef" */
  readonly token: string;
  /** 64 hexadecimal digits. */
  readonly certificateKey: string;
  readonly endsMs: number;
}

export const tokenShape = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
export const dayMs = 86_400_000;

export function createInvitation(clock: Clock, random: Random, lifeMs: number = dayMs): Invitation {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const word = (length: number): string => {
    let text = "";
    // Bytes above the largest multiple would favour the first letters.
    while (text.length < length)
      for (const byte of random.bytes(32)) if (byte < 252 && text.length < length) text += alphabet[byte % 36];
    return text;
  };
  return {
    token: `${word(6)}.${word(16)}`,
    certificateKey: Buffer.from(random.bytes(32)).toString("hex"),
    endsMs: clock.now() + lifeMs,
  };
}

const invitationFile = (directory: string): string => join(directory, "pki", "invitation.json");

export function writeInvitation(directory: string, invitation: Invitation): void {
  writeWhole(invitationFile(directory), `${JSON.stringify(invitation)}\n`, 0o600);
}

/** The one that this machine has made and that is still good. */
export function readInvitation(directory: string, nowMs: number): Invitation | undefined {
  const file = invitationFile(directory);
  if (!existsSync(file)) return undefined;
  const invitation = JSON.parse(readFileSync(file, "utf8")) as Invitation;
  return invitation.endsMs > nowMs ? invitation : undefined;
}

/** The token as the API keeps it. */
export function tokenSecret({ token, endsMs }: Invitation): unknown {
  const [, id = "", secret = ""] = tokenShape.exec(token) ?? [];
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `bootstrap-token-${id}`, namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    stringData: {
      "token-id": id,
      "token-secret": secret,
      expiration: rfc3339(endsMs),
      "usage-bootstrap-authentication": "true",
      "usage-bootstrap-signing": "true",
      "auth-extra-groups": joinersGroup,
      description: "Lets machines join the cluster",
    },
  };
}

export const joinersGroup = "system:bootstrappers:coxswain:joiners";
export const sharedSecretName = "coxswain-certs";

/** The masters' common files, each sealed under the invitation's key (AES-256-GCM: nonce, tag, text). */
export function sharedSecret(directory: string, invitation: Invitation, random: Random): unknown {
  const data = sharedFilesOf(directory).map((name) => {
    const plain = readFileSync(join(directory, "pki", name));
    return [name, seal(plain, invitation.certificateKey, random).toString("base64")];
  });
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: sharedSecretName,
      namespace: "kube-system",
      annotations: { "coxswain.io/expires": rfc3339(invitation.endsMs) },
    },
    type: "Opaque",
    data: Object.fromEntries(data) as Record<string, string>,
  };
}

export function seal(plain: Uint8Array, keyHex: string, random: Random): Buffer {
  const nonce = Buffer.from(random.bytes(12));
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(keyHex, "hex"), nonce);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

/** Throws MachineError when the key is not the one. */
export function unseal(sealed: Buffer, keyHex: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(keyHex)) throw new MachineError("the certificate key must have 64 hexadecimal digits");
  try {
    const decipher = createDecipheriv("aes-256-gcm", Buffer.from(keyHex, "hex"), sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  } catch (cause) {
    throw new MachineError(
      "the certificate key does not open the masters' files: it is wrong, or a newer `cox invite` has replaced it",
      { cause },
    );
  }
}

/** What a person copies to the next machine. */
export function describeInvitation(directory: string, invitation: Invitation, endpoint: string): string {
  const pin = pinOf(readFileSync(filesOf(directory).cert("kubernetes-ca"), "utf8"));
  return `A worker joins with

    cox join ${endpoint} --token ${invitation.token} --ca-pin ${pin}

a further master with

    cox join ${endpoint} --token ${invitation.token} --ca-pin ${pin} --master --certificate-key ${invitation.certificateKey}

or, with compose, by these lines in the machine's .env (the last one for a master only):

COXSWAIN_JOIN=${endpoint}
COXSWAIN_TOKEN=${invitation.token}
COXSWAIN_CA_PIN=${pin}
COXSWAIN_CERTIFICATE_KEY=${invitation.certificateKey}

Good until ${rfc3339(invitation.endsMs)}; \`cox invite\` on a master makes a new one.
`;
}
