// Links of proxied HTML pages that begin at the root, rewritten so that they lead through us again; Kubernetes' own tests ask for it. Only those
// values are touched: the rest of the page, and pages in encodings other than gzip, go through as they are, piece by piece. Bytes are read as
// Latin-1, which every ASCII-compatible encoding survives. It knows no CSS and no scripts.
import type { TransformCallback } from "node:stream";
import { Transform } from "node:stream";
import { constants, createGunzip, createGzip } from "node:zlib";

export interface LinkHosts {
  /** Stands before every path, without a slash at its end. */
  readonly prefix: string;
  /** Host and port under which we ask the target. */
  readonly target: string;
  /** Host and port under which the client asks us. */
  readonly client: string;
}

/** The streams between an answer's body and the client; none where nothing has to be rewritten. */
export function linkStreams(headers: { readonly [name: string]: unknown }, hosts: LinkHosts): Transform[] {
  if (hosts.prefix === "" || !/^\s*text\/html\s*(;|$)/i.test(String(headers["content-type"] ?? ""))) return [];
  switch (headers["content-encoding"]) {
    case undefined:
      return [rewriteLinks(hosts)];
    case "gzip": {
      const flush = constants.Z_SYNC_FLUSH;
      return [createGunzip({ flush }), rewriteLinks(hosts), createGzip({ flush })];
    }
    default:
      return [];
  }
}

/** Attributes that hold addresses, by element: those of HTML 4 and 5. */
const addresses: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};

/** Elements whose content is text up to their end tag. */
const textual = new Set([..."iframe noembed noframes script style textarea title xmp".split(" ")]);
/** A tag that has not ended by then is none. */
const longestTag = 65_536;

interface Tag {
  readonly name: string;
  /** Behind its last character. */
  readonly end: number;
  readonly values: readonly { readonly attribute: string; readonly from: number; readonly to: number }[];
}

function rewriteLinks(hosts: LinkHosts): Transform {
  let held = "";
  /** What ends the text, or the comment, that is being read; nothing in it is a tag. */
  let ending: RegExp | undefined;

  /** Everything that is decided already; the rest is held for the next piece. */
  function take(piece: string): string {
    const text = held + piece;
    let done = "";
    let at = 0;
    while (at < text.length) {
      if (ending !== undefined) {
        ending.lastIndex = at;
        const found = ending.exec(text);
        // Half of an ending may stand at the end; none is longer than this.
        const to = found ? found.index + 1 : Math.max(at, text.length - 16);
        done += text.slice(at, to);
        at = to;
        if (!found) break;
        ending = undefined;
        continue;
      }
      const open = text.indexOf("<", at);
      done += text.slice(at, open < 0 ? text.length : open);
      at = open < 0 ? text.length : open;
      if (open < 0) break;
      if ("<!--".startsWith(text.slice(open, open + 4))) {
        if (text.length - open < 4) break;
        ending = /-->/g;
        continue;
      }
      const tag = readTag(text, open);
      if (tag === undefined && text.length - open < longestTag) break;
      const end = tag?.end ?? open + 1;
      done += tag ? rewritten(text, open, tag, hosts) : text.slice(open, end);
      at = end;
      if (tag && textual.has(tag.name)) ending = new RegExp(`</${tag.name}[\\t\\n\\f\\r />]`, "gi");
    }
    held = text.slice(at);
    return done;
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      done(null, Buffer.from(take(chunk.toString("latin1")), "latin1"));
    },
    flush(done: TransformCallback) {
      done(null, Buffer.from(held, "latin1"));
    },
  });
}

/** The start tag at `<`; without a name where there is none; undefined where it does not end in this text. */
function readTag(text: string, open: number): Tag | undefined {
  const name = match(/[a-z][^\t\n\f\r />]*/iy, text, open + 1);
  if (name === "") return open + 1 < text.length ? { name, end: open + 1, values: [] } : undefined;
  const values: { attribute: string; from: number; to: number }[] = [];
  let at = open + 1 + name.length;
  for (;;) {
    at += match(/[\t\n\f\r /]*/y, text, at).length;
    if (at >= text.length) return undefined;
    if (text[at] === ">") return { name: name.toLowerCase(), end: at + 1, values };
    const attribute = match(/[^\t\n\f\r />][^\t\n\f\r />=]*/y, text, at).toLowerCase();
    at += attribute.length;
    const equals = match(/[\t\n\f\r ]*=[\t\n\f\r ]*/y, text, at);
    at += equals.length;
    if (at >= text.length) return undefined;
    if (equals === "") continue;
    const quote = text[at] === '"' || text[at] === "'" ? text[at] : undefined;
    const from = quote === undefined ? at : at + 1;
    const to = quote === undefined ? at + match(/[^\t\n\f\r >]*/y, text, at).length : text.indexOf(quote, from);
    if (to < 0 || to >= text.length) return undefined;
    values.push({ attribute, from, to });
    at = quote === undefined ? to : to + 1;
  }
}

function match(sticky: RegExp, text: string, at: number): string {
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0] ?? "";
}

function rewritten(text: string, open: number, { name, end, values }: Tag, hosts: LinkHosts): string {
  const known = Object.hasOwn(addresses, name) ? (addresses[name] ?? []) : [];
  let result = "";
  let at = open;
  for (const { attribute, from, to } of values) {
    if (!known.includes(attribute)) continue;
    result += text.slice(at, from) + throughUs(text.slice(from, to), hosts);
    at = to;
  }
  return result + text.slice(at, end);
}

/** An address on the target's own host, or on ours; others, relative ones and those that lead through us already stay as they are. */
function throughUs(address: string, { prefix, target, client }: LinkHosts): string {
  const [, before = "", host, path = ""] = /^((?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*))?(\/.*)$/is.exec(address) ?? [];
  if (path === "" || (host !== undefined && host !== target && host !== client)) return address;
  const place = host === client ? before : "";
  return place + (path.startsWith(prefix) ? path : prefix + path);
}
