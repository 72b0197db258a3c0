// The webhooks of all configurations, in the order in which they are called: by the name of their configuration, then as they stand in it.
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Selectors } from "../match/selection.ts";
import { selectorsOf } from "../match/selection.ts";

export interface Hook {
  /** Tells it from all others. */
  readonly id: string;
  readonly configuration: string;
  /** Its place among those that may be asked. */
  readonly index: number;
  readonly spec: DeepReadonly<ValidatingWebhook & Pick<MutatingWebhook, "reinvocationPolicy">>;
  readonly selectors: Selectors;
}

export function hooksOf(configurations: readonly ApiObject[]): readonly Hook[] {
  const all = configurations.filter(isConfiguration).flatMap(({ metadata, webhooks = [] }) =>
    webhooks.map((spec, index) => ({
      id: `${metadata.name}/${spec.name}/${index}`,
      configuration: metadata.name,
      spec,
      selectors: selectorsOf(spec),
    })),
  );
  return all.map((hook, index) => ({ ...hook, index }));
}

function isConfiguration(object: ApiObject): object is MutatingWebhookConfiguration | ValidatingWebhookConfiguration {
  return object.kind === "MutatingWebhookConfiguration" || object.kind === "ValidatingWebhookConfiguration";
}
