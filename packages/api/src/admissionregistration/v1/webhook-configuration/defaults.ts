/** Defaults of webhook configurations and of what admission policies match. */
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultWebhooks(configuration: ValidatingWebhookConfiguration | MutatingWebhookConfiguration): void {
  for (const webhook of configuration.webhooks ?? []) {
    fill(webhook, {
      failurePolicy: "Fail",
      matchPolicy: "Equivalent",
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
    });
    if (configuration.kind === "MutatingWebhookConfiguration")
      fill(webhook as { reinvocationPolicy?: string }, { reinvocationPolicy: "Never" });
    if (webhook.clientConfig.service !== undefined) fill(webhook.clientConfig.service, { port: 443 });
    defaultRules(webhook.rules);
  }
}

export function defaultAdmissionPolicy(policy: ValidatingAdmissionPolicy): void {
  if (policy.spec === undefined) return;
  fill(policy.spec, { failurePolicy: "Fail" });
  defaultMatch(policy.spec.matchConstraints);
}

export function defaultMutatingPolicy(policy: MutatingAdmissionPolicy): void {
  if (policy.spec === undefined) return;
  fill(policy.spec, { failurePolicy: "Fail", reinvocationPolicy: "Never" });
  defaultMatch(policy.spec.matchConstraints);
}

export function defaultAdmissionPolicyBinding(
  binding: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding,
): void {
  defaultMatch(binding.spec?.matchResources);
}

function defaultMatch(match: MatchResources | undefined): void {
  if (match === undefined) return;
  fill(match, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

function defaultRules(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) fill(rule, { scope: "*" });
}
