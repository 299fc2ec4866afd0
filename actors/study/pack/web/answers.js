// Whether a typed answer is right: case, accents, articles, plurals and one slip of the finger are forgiven.

const plain = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
const bare = (text) => plain(text).replace(/^(?:the|a|an) /, '').split(' ').map((word) => (word.length > 3 ? word.replace(/(?<![su])s$/, '') : word)).join(' ');

function oneSlip(a, b) {
  if (a === b) return true;
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at += 1;
  const [x, y] = [a.slice(at), b.slice(at)];
  return x.slice(1) === y.slice(1) || x === y.slice(1) || x.slice(1) === y || (x.slice(2) === y.slice(2) && x[0] === y[1] && x[1] === y[0]);
}

// 'exact', 'close' (right, but spelled otherwise) or null. `others` are the names of other things: never a slip.
function judge(typed, accepted, others) {
  if (accepted.some((one) => one.trim() === typed.trim())) return 'exact';
  const given = bare(typed);
  if (!given) return null;
  const right = accepted.map(bare);
  if (right.includes(given)) return 'exact';
  if (others.map(bare).includes(given)) return null;
  const slip = right.some((one) => one.length >= 6 && !/\d/.test(one) && one[0] === given[0] && oneSlip(given, one));
  return slip ? 'close' : null;
}
