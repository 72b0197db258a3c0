// `cox set env --list`: the variables of a container, and with --resolve what their references say.
import { part, str } from "../describe/page.ts";
import { getObject } from "../resource/api.ts";
import type { Info } from "../resource/builder.ts";
import type { Session } from "../session.ts";

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
}

export async function listVariables(
  session: Session,
  info: Info,
  container: Container,
  resolve: boolean,
): Promise<void> {
  session.out.write(`# ${info.descriptor.kind} ${info.name}, container ${container.name}\n`);
  const failures: string[] = [];
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      session.out.write(`${name}=${value ?? ""}\n`);
      continue;
    }
    const found = resolve ? await valueOf(session, info, valueFrom).catch((error: Error) => error) : undefined;
    if (found instanceof Error) failures.push(`error retrieving reference for ${name}: ${found.message}`);
    session.out.write(
      typeof found === "string" ? `${name}=${found}\n` : `# ${name} from ${referenceText(valueFrom)}\n`,
    );
  }
  for (const failure of failures) session.err.write(`${failure}\n`);
}

/** Undefined where a reference is known on the node only. */
async function valueOf(session: Session, info: Info, reference: unknown): Promise<string | undefined> {
  const { configMapKeyRef, secretKeyRef, fieldRef } = part(reference);
  if (fieldRef !== undefined) {
    const path = str(part(fieldRef)["fieldPath"]);
    const { metadata } = info.object;
    if (path === "metadata.name") return metadata.name;
    if (path === "metadata.namespace") return metadata.namespace ?? "";
    return undefined;
  }
  const key = str(part(configMapKeyRef ?? secretKeyRef)["key"]);
  const source = part(configMapKeyRef ?? secretKeyRef);
  if (configMapKeyRef === undefined && secretKeyRef === undefined) return undefined;
  const types = await (await session.mapper()).find(configMapKeyRef === undefined ? "secrets" : "configmaps");
  const object = await getObject(session, types, info.namespace ?? session.namespace, str(source["name"]));
  const data = part(object["data"])[key];
  if (data === undefined)
    throw new Error(`key ${key} not found in ${object.kind.toLowerCase()} ${str(source["name"])}`);
  return configMapKeyRef === undefined ? Buffer.from(str(data), "base64").toString("utf8") : str(data);
}

function referenceText(reference: unknown): string {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = part(reference);
  const keyed = (kind: string, value: unknown): string =>
    `${kind} ${str(part(value)["name"])}, key ${str(part(value)["key"])}`;
  if (configMapKeyRef !== undefined) return keyed("configmap", configMapKeyRef);
  if (secretKeyRef !== undefined) return keyed("secret", secretKeyRef);
  if (fieldRef !== undefined) return `field path ${str(part(fieldRef)["fieldPath"])}`;
  const { containerName, resource } = part(resourceFieldRef);
  return `resource field ${str(containerName) === "" ? "" : `${str(containerName)}.`}${str(resource)}`;
}
