// `cox create --edit`: objects of files in the editor before they are created.
import type { Args } from "../args/flags.ts";
import { CommandError } from "../failure.ts";
import type { Info } from "../resource/builder.ts";
import { editUntilTaken } from "../resource/editor.ts";
import type { Session } from "../session.ts";

/** What was left unchanged is created by nobody: giving up in the editor means that. */
export async function editNew(session: Session, args: Args, infos: readonly Info[]): Promise<readonly Info[]> {
  const edited: Info[] = [];
  for (const info of infos)
    await editUntilTaken(session, args, info.object, async (object) => {
      const { kind, apiVersion, metadata } = object;
      if (typeof kind !== "string" || typeof apiVersion !== "string" || typeof metadata?.name !== "string")
        throw new CommandError("an object needs apiVersion, kind and metadata.name");
      const descriptor = await (await session.mapper()).ofObject(object);
      const namespace = descriptor.namespaced ? (metadata.namespace ?? info.namespace) : undefined;
      edited.push({ ...info, descriptor, namespace, name: metadata.name, object });
    });
  return edited;
}
