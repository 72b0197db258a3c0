// Which ranges hold a key: a search tree by range start in which every node knows the greatest end below it, so that a question costs
// the depth of the tree and the answers, however many ranges there are. Balanced as a treap whose priorities come from the ranges
// themselves: the same ranges give the same tree on every replica.
import type { Key, KeyRange } from "../key.ts";
import { inRange } from "../key.ts";

interface Node<V> {
  readonly range: KeyRange;
  readonly value: V;
  readonly priority: number;
  left: Node<V> | undefined;
  right: Node<V> | undefined;
  /** Of all ranges here and below; undefined: some range has no end. */
  maxEnd: Key | undefined;
}

/** Values by range; a range has one value. */
export class RangeIndex<V> {
  #root: Node<V> | undefined;
  readonly #byName = new Map<string, V>();

  get size(): number {
    return this.#byName.size;
  }

  get(range: KeyRange): V | undefined {
    return this.#byName.get(nameOf(range));
  }

  /** The range must not be there yet. */
  add(range: KeyRange, value: V): void {
    const name = nameOf(range);
    this.#byName.set(name, value);
    const node = { range, value, priority: hash(name), left: undefined, right: undefined, maxEnd: range.end };
    this.#root = insert(this.#root, node);
  }

  delete(range: KeyRange): void {
    if (this.#byName.delete(nameOf(range))) this.#root = remove(this.#root, range);
  }

  /** Calls `visit` for every range that holds the key, in the order of their starts. */
  visit(key: Key, visit: (value: V) => void): void {
    visitNode(this.#root, key, visit);
  }
}

function visitNode<V>(node: Node<V> | undefined, key: Key, visit: (value: V) => void): void {
  if (node === undefined || (node.maxEnd !== undefined && node.maxEnd <= key)) return;
  visitNode(node.left, key, visit);
  if (node.range.start > key) return;
  if (inRange(node.range, key)) visit(node.value);
  visitNode(node.right, key, visit);
}

function insert<V>(node: Node<V> | undefined, added: Node<V>): Node<V> {
  if (node === undefined) return added;
  if (comesBefore(added.range, node.range)) {
    node.left = insert(node.left, added);
    if (node.left.priority > node.priority) return rotateRight(node, node.left);
  } else {
    node.right = insert(node.right, added);
    if (node.right.priority > node.priority) return rotateLeft(node, node.right);
  }
  return measured(node);
}

function remove<V>(node: Node<V> | undefined, range: KeyRange): Node<V> | undefined {
  if (node === undefined) return undefined;
  if (node.range.start === range.start && node.range.end === range.end) return merge(node.left, node.right);
  if (comesBefore(range, node.range)) node.left = remove(node.left, range);
  else node.right = remove(node.right, range);
  return measured(node);
}

/** Everything in `left` comes before everything in `right`. */
function merge<V>(left: Node<V> | undefined, right: Node<V> | undefined): Node<V> | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return measured(left);
  }
  right.left = merge(left, right.left);
  return measured(right);
}

function rotateRight<V>(node: Node<V>, left: Node<V>): Node<V> {
  node.left = left.right;
  left.right = measured(node);
  return measured(left);
}

function rotateLeft<V>(node: Node<V>, right: Node<V>): Node<V> {
  node.right = right.left;
  right.left = measured(node);
  return measured(right);
}

function measured<V>(node: Node<V>): Node<V> {
  node.maxEnd = later(node.range.end, later(endOf(node.left), endOf(node.right)));
  return node;
}

/** The greatest end of a subtree; the empty key for none. */
function endOf<V>(node: Node<V> | undefined): Key | undefined {
  return node === undefined ? "" : node.maxEnd;
}

function later(a: Key | undefined, b: Key | undefined): Key | undefined {
  if (a === undefined || b === undefined) return undefined;
  return a > b ? a : b;
}

function comesBefore(a: KeyRange, b: KeyRange): boolean {
  if (a.start !== b.start) return a.start < b.start;
  return a.end !== undefined && (b.end === undefined || a.end < b.end);
}

function nameOf(range: KeyRange): string {
  return `${range.start.length}:${range.start}${range.end ?? ""}${range.end === undefined ? ":" : "."}`;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
