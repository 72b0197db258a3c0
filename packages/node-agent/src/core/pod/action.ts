// What a pod's plan can ask for, and the shape of a plan. Values only.

export type PodAction =
  | { readonly type: "prepareVolumes" }
  | { readonly type: "createSandbox"; readonly attempt: number }
  | { readonly type: "removeSandbox"; readonly id: string }
  | {
      readonly type: "startContainer";
      readonly name: string;
      readonly attempt: number;
      readonly crashes: number;
      readonly because: string;
    }
  | {
      readonly type: "stopContainer";
      readonly name: string;
      readonly id: string;
      readonly graceSeconds: number;
      readonly because: string;
      readonly runPreStop: boolean;
    }
  /** Other limits for a running container. */
  | { readonly type: "resizeContainer"; readonly name: string; readonly id: string }
  | { readonly type: "removeContainer"; readonly name: string; readonly id: string }
  /** Every container has ended: stop the sandbox and give the network back. */
  | { readonly type: "stopSandbox"; readonly id: string }
  /** Nothing runs any more: report, delete the object, remove what is left. */
  | { readonly type: "finish" };

export interface PodPlan {
  readonly actions: readonly PodAction[];
  readonly because: string;
  readonly wakeAtMs?: number;
}
