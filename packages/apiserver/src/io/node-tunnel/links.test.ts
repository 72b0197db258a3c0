import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { linkStreams } from "./links.ts";

const hosts = { prefix: "/p", target: "10.0.0.1:80", client: "api:6443" };
const html = { "content-type": "text/html; charset=utf-8" };

/** In pieces of so many bytes. */
async function through(page: Buffer | string, size: number, headers: Record<string, string> = html): Promise<Buffer> {
  const bytes = Buffer.from(page);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  let stream: Readable = Readable.from(pieces);
  for (const next of linkStreams(headers, hosts)) stream = stream.pipe(next);
  return buffer(stream);
}

describe("links of a proxied page", () => {
  test.each([
    ["at the root", '<a href="/x?y#z">t</a>', '<a href="/p/x?y#z">t</a>'],
    [
      "without and with other quotes",
      "<img src=/x alt='/y'><IMG SRC = '/z'/>",
      "<img src=/p/x alt='/y'><IMG SRC = '/p/z'/>",
    ],
    ["of the target's own host", '<a href="http://10.0.0.1:80/x">', '<a href="/p/x">'],
    ["of our own host", '<a href="https://api:6443/x">', '<a href="https://api:6443/p/x">'],
    ["that lead elsewhere, or nowhere", '<a href="//b/x"><a href="x"><a href>', '<a href="//b/x"><a href="x"><a href>'],
    ["that lead through us already", '<a href="/p/x">', '<a href="/p/x">'],
    ["in other attributes and unknown elements", '<a title="/x"><b href="/x">', '<a title="/x"><b href="/x">'],
    [
      "in comments, scripts and texts",
      '<!-- <a href="/x"> --><script src="/s">"<a href=\'/x\'>"</script><title><a href="/x"></TITLE><p>1 <2 ä</p>',
      '<!-- <a href="/x"> --><script src="/p/s">"<a href=\'/x\'>"</script><title><a href="/x"></TITLE><p>1 <2 ä</p>',
    ],
    ["in a tag that does not end", '<a href="/x', '<a href="/x'],
    [
      "behind a long one that is none",
      `<a ${"x".repeat(70_000)}<a href="/y">`,
      `<a ${"x".repeat(70_000)}<a href="/p/y">`,
    ],
  ])("%s", async (_which, page, rewritten) => {
    for (const size of page.length < 1_000 ? [1, 7, 1_000] : [65_536])
      expect([size, (await through(page, size)).toString()]).toEqual([size, rewritten]);
  });

  test("are found in compressed pages, and left alone in what is no page or cannot be read", async () => {
    const page = '<a href="/x">';
    const zipped = await through(gzipSync(page), 5, { ...html, "content-encoding": "gzip" });
    expect(gunzipSync(zipped).toString()).toBe('<a href="/p/x">');
    expect(linkStreams({ ...html, "content-encoding": "br" }, hosts)).toEqual([]);
    expect(linkStreams({ "content-type": "text/htmlx" }, hosts)).toEqual([]);
    expect(linkStreams(html, { ...hosts, prefix: "" })).toEqual([]);
  });
});
