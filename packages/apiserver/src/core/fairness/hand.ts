// Shuffle sharding: each flow is dealt a few of a level's queues, always the same ones, so that a flow that floods its own leaves most others at
// least one that is not flooded.

/** `size` different numbers below `deck`, by the flow's name. */
export function deal(flow: string, deck: number, size: number): readonly number[] {
  const cards: number[] = [];
  let state = hash(flow);
  while (cards.length < Math.min(size, deck)) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a sequence have short periods.
    let card = Math.floor((mixed(state) / 2 ** 32) * (deck - cards.length));
    for (const taken of cards.toSorted((a, b) => a - b)) if (taken <= card) card += 1;
    cards.push(card);
  }
  return cards;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01_00_01_93);
  return value >>> 0;
}

function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85_eb_ca_6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2_b2_ae_35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
