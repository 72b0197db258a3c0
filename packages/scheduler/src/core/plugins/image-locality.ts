// ImageLocality: prefers nodes that already hold large images of the pod, less so when few nodes do (or they would all
// pile up there). Thresholds are Kubernetes'. Looks at all nodes only for their number and for how many hold an image.
import { definePlugin, highestScore } from "../plugin.ts";
import type { Cluster } from "../cluster.ts";

const megabyte = 1024 * 1024;
const least = 23 * megabyte;
const mostPerContainer = 1000 * megabyte;

interface Prepared {
  readonly images: readonly string[];
  readonly cluster: Cluster;
}

export const imageLocality = definePlugin<Prepared>({
  name: "ImageLocality",
  scope: "cluster",
  prepare: (pod, cluster) => ({
    images: [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ image }) =>
      normalized(image ?? ""),
    ),
    cluster,
  }),
  scores: ({ images, cluster }) => images.some((image) => cluster.nodesWithImage(image) > 0),
  score: ({ images, cluster }, node) => {
    let sum = 0;
    for (const image of images) {
      const bytes = node.images.get(image);
      if (bytes !== undefined) sum += Math.floor((bytes * cluster.nodesWithImage(image)) / cluster.nodes.length);
    }
    const most = mostPerContainer * images.length;
    const clamped = Math.min(Math.max(sum, least), most);
    return Math.floor((highestScore * (clamped - least)) / (most - least));
  },
  wakes: {},
});

/** An image without a tag or digest means its latest. */
function normalized(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
