/** What is known of a served resource beyond its descriptor. */
import type { ApiObject, ResourceDescriptor } from "@coxswain/apimachinery";

export interface ResourceInfo extends ResourceDescriptor<ApiObject> {
  /** The folder of its group version, such as "apps/v1"; also the prefix of its schema's name. */
  readonly folder: string;
  readonly singular: string;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly string[];
}
