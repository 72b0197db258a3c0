// Decides which CSI volumes should be attached to a node: those of its pods, each to one node at a time unless it may be shared; detached only
// when the node says that it uses them no more. Attaching itself is the driver's attacher's work: a VolumeAttachment asks for it.
import { createHash } from "node:crypto";
import type { AttachedVolume, Node, PersistentVolume } from "@coxswain/api/core/v1";
import type { VolumeAttachment } from "@coxswain/api/storage/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

export type ReadonlyVolume = DeepReadonly<PersistentVolume>;
export type ReadonlyAttachment = DeepReadonly<VolumeAttachment>;

export interface AttachmentView {
  readonly nodeName: string;
  /** Undefined when it is gone. */
  readonly node: DeepReadonly<Node> | undefined;
  /** Volumes that pods of the node want and whose drivers attach, each once. */
  readonly wanted: readonly ReadonlyVolume[];
  /** Everything that is attached, or asked to be, anywhere. */
  readonly attachments: readonly ReadonlyAttachment[];
  readonly volumeOf: (attachment: ReadonlyAttachment) => ReadonlyVolume | undefined;
  /** Since when nobody has wanted an attachment that its node still uses. */
  readonly unwantedForMs: (attachment: ReadonlyAttachment) => number;
}

export interface AttachmentPlan {
  readonly attach: readonly ReadonlyVolume[];
  readonly detach: readonly ReadonlyAttachment[];
  /** Volumes that are still attached elsewhere and may not be shared, with where. */
  readonly taken: readonly { readonly volume: ReadonlyVolume; readonly by: string }[];
  /** What the node's status should say; undefined when it says so. */
  readonly volumesAttached: readonly AttachedVolume[] | undefined;
  readonly wakeAfterMs: number | undefined;
}

/** A node that is not ready is not waited for any longer than this. */
export const longestUseMs = 360_000;
const lookAgainMs = 15_000;

export function planAttachments(view: AttachmentView): AttachmentPlan {
  const { node, nodeName, wanted } = view;
  const mine = view.attachments.filter(({ spec }) => spec.nodeName === nodeName);
  const isOurs = (attachment: ReadonlyAttachment): boolean => {
    const volume = view.volumeOf(attachment);
    return volume !== undefined && attachment.metadata.name === attachmentName(volume, nodeName);
  };
  const names = new Set(wanted.map((volume) => attachmentName(volume, nodeName)));
  const missing =
    node === undefined
      ? []
      : wanted.filter((volume) => !mine.some(({ metadata }) => metadata.name === attachmentName(volume, nodeName)));
  const placed = missing.map((volume) => ({ volume, by: elsewhere(view, volume) }));
  const unwanted = mine.filter(
    (one) => isOurs(one) && !names.has(one.metadata.name) && one.metadata.deletionTimestamp === undefined,
  );
  const detach = unwanted.filter((one) => !isUsed(view, one));
  const held = unwanted.length > detach.length;
  const attached = mine
    .filter(({ status }) => status?.attached === true)
    .flatMap((one) => {
      const volume = view.volumeOf(one);
      const name = volume && volumeName(volume);
      return name === undefined ? [] : [{ name, devicePath: one.status?.attachmentMetadata?.["devicePath"] ?? "" }];
    })
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const said = node?.status?.volumesAttached ?? [];
  const differs =
    node !== undefined &&
    (said.length !== attached.length || attached.some(({ name }) => !said.some((volume) => volume.name === name)));
  return {
    attach: placed.filter(({ by }) => by === undefined).map(({ volume }) => volume),
    detach,
    taken: placed.flatMap(({ volume, by }) => (by === undefined ? [] : [{ volume, by }])),
    volumesAttached: differs ? attached : undefined,
    wakeAfterMs: held ? lookAgainMs : undefined,
  };
}

/** As Kubernetes names it, so that attachments made by another implementation are known again. */
export function attachmentName(volume: ReadonlyVolume, nodeName: string): string {
  const { volumeHandle = "", driver = "" } = volume.spec?.csi ?? {};
  return `csi-${createHash("sha256").update(`${volumeHandle}${driver}${nodeName}`).digest("hex")}`;
}

/** What nodes call the volume in their status. */
export function volumeName(volume: ReadonlyVolume): string | undefined {
  const csi = volume.spec?.csi;
  return csi && `kubernetes.io/csi/${csi.driver}^${csi.volumeHandle}`;
}

/** The other node that has a volume which only one node may have. */
function elsewhere({ attachments, nodeName }: AttachmentView, volume: ReadonlyVolume): string | undefined {
  const modes = volume.spec?.accessModes ?? [];
  if (modes.some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany")) return undefined;
  return attachments.find(
    ({ spec }) => spec.source.persistentVolumeName === volume.metadata.name && spec.nodeName !== nodeName,
  )?.spec.nodeName;
}

/** Whether the node has it mounted, as far as can be told: one that is gone or declared out of service has nothing mounted. */
function isUsed(view: AttachmentView, attachment: ReadonlyAttachment): boolean {
  const { node } = view;
  if (node === undefined) return false;
  if (node.spec?.taints?.some(({ key }) => key === "node.kubernetes.io/out-of-service")) return false;
  const volume = view.volumeOf(attachment);
  const name = volume && volumeName(volume);
  if (name === undefined || !(node.status?.volumesInUse ?? []).includes(name)) return false;
  const isReady = node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  return isReady || view.unwantedForMs(attachment) < longestUseMs;
}
